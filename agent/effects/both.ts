/** Two things at a time; when both are over it rejects with what went wrong with the first, or else with the second. */
export async function both<One, Other>(first: Promise<One>, second: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}
