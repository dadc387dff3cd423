/** A promise that is settled from outside, once; nobody has to wait for it. */
export class Settled<T> {
  readonly promise: Promise<T>;
  isSettled = false;
  private readonly settle: { resolve: (value: T) => void; reject: (reason: unknown) => void };

  constructor() {
    let settle: typeof this.settle | undefined;
    this.promise = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.promise.catch(() => {});
    this.settle = settle as unknown as typeof this.settle;
  }

  resolve(value: T): void {
    this.isSettled = true;
    this.settle.resolve(value);
  }

  reject(reason: unknown): void {
    this.isSettled = true;
    this.settle.reject(reason);
  }
}
