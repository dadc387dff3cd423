const OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;

/**
 * The uuid of a container whose description gives none: always the same for the same name, so that defining a file
 * twice is no change. A custom uuid (RFC 9562 version 8) over a hash of the name, as version 5 would need SHA-1.
 */
export function stableUuid(name: string): string {
  const digits = [...hash(`https://godwit.dev/domain/${name}`)];
  digits[12] = '8';
  digits[16] = '89ab'[Number.parseInt(digits[16] ?? '0', 16) % 4] ?? '8';
  return formatUuid(digits.join(''));
}

/** The MAC address of the interface number `index` when none is given: locally administered, unicast, stable. */
export function stableMac(uuid: string, index: number): string {
  const digits = hash(`${uuid}/${index}`).slice(0, 10);
  return ['02', ...(digits.match(/../g) ?? [])].join(':');
}

/** 32 hexadecimal digits as a uuid. */
export function formatUuid(digits: string): string {
  return digits.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** FNV-1a of 128 bits: spreads names, protects nothing. */
function hash(text: string): string {
  let value = OFFSET;
  for (const byte of new TextEncoder().encode(text)) value = ((value ^ BigInt(byte)) * PRIME) & MASK;
  return value.toString(16).padStart(32, '0');
}
