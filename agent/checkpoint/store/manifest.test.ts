import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GodwitError } from '../../../protocol/mod.ts';
import { type Manifest, makeManifest, parseManifest, renderManifest } from './manifest.ts';

const bytes = fc.integer({ min: 0, max: 2 ** 40 });
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}\.img$/);
const file = fc.record({
  name,
  bytes,
  sha256,
  kept: name,
  keptBytes: bytes,
  keptSha256: sha256,
  compression: fc.constant('none' as const),
});
const manifest: fc.Arbitrary<Manifest> = fc
  .record({
    id: fc.stringMatching(/^[0-9]{8}-[0-9]{6}-[a-z0-9]{6}$/),
    container: fc.constantFrom('redis', 'a.b_c'),
    uuid: fc.uuid(),
    node: fc.constant('n1'),
    epoch: fc.nat(),
    createdAtMs: fc.nat(),
    trigger: fc.constantFrom('operator' as const, 'schedule' as const),
    leftRunning: fc.boolean(),
    compression: fc.constantFrom('zstd' as const, 'zlib' as const, 'none' as const),
    spec: fc.string({ unit: 'grapheme' }),
    capabilities: fc.constant({
      arch: 'x86_64',
      kernel: '6.18',
      criu: '4.2.1',
      lxc: '7.0.0',
      cgroup: 'v1' as const,
      features: { 'uffd-noncoop': true },
      cpus: 2,
      memoryBytes: 2 ** 30,
    }),
    cpuFlags: fc.array(fc.constantFrom('avx', 'sse4_2')),
    limitFiles: fc.array(fc.constantFrom('memory.max', 'pids.max')),
    memoryBytes: bytes,
    files: fc.array(file, { maxLength: 5 }),
    trees: fc.array(fc.record({ root: fc.constant('/srv/a'), bytes, archive: file, listing: file }), {
      maxLength: 2,
    }),
    lower: fc.array(fc.record({ root: fc.constant('/srv/base'), listing: file }), { maxLength: 2 }),
  })
  .map(makeManifest);

const codeOf = (bytes: Uint8Array, id: string) => {
  try {
    parseManifest(bytes, id);
    return 'none';
  } catch (error) {
    return error instanceof GodwitError ? error.code : 'other';
  }
};

it('is read as it was written', () => {
  fc.assert(
    fc.property(manifest, (one) => {
      expect(parseManifest(Buffer.from(renderManifest(one)), one.id)).toEqual(one);
    }),
  );
});

it('is of the first version, which older agents can read, unless directories or a parent belong to it', () => {
  fc.assert(
    fc.property(manifest, ({ type: _type, version: _version, parent: _parent, ...facts }) => {
      const { trees, lower, id } = facts;
      expect(makeManifest(facts).version).toBe(trees.length + lower.length > 0 ? 2 : 1);
      expect(makeManifest({ ...facts, trees: [], lower: [] }).version).toBe(1);
      expect(makeManifest({ ...facts, trees: [], lower: [], parent: id }).version).toBe(2);
    }),
  );
});

it('is refused with any one bit changed, and at any shorter length', () => {
  fc.assert(
    fc.property(manifest, fc.nat(), fc.integer({ min: 0, max: 7 }), (one, at, bit) => {
      const whole = Buffer.from(renderManifest(one));
      const flipped = Buffer.from(whole);
      const place = at % whole.length;
      flipped[place] = (flipped[place] ?? 0) ^ (1 << bit);
      expect(codeOf(flipped, one.id)).toBe('CHECKPOINT_DAMAGED');
      expect(codeOf(whole.subarray(0, place), one.id)).toBe('CHECKPOINT_DAMAGED');
    }),
  );
});

it('belongs to the directory it lies in', () => {
  const [one] = fc.sample(manifest, 1);
  if (one)
    expect(codeOf(Buffer.from(renderManifest(one)), '20200101-000000-abcdef')).toBe('CHECKPOINT_DAMAGED');
});

it('lets no file name lead out of the directory', () => {
  fc.assert(
    fc.property(manifest, fc.constantFrom('../etc/passwd', 'a/b', '.hidden', ''), (one, bad) => {
      const [first] = one.files;
      if (!first) return;
      const text = renderManifest({ ...one, files: [{ ...first, kept: bad }] });
      expect(codeOf(Buffer.from(text), one.id)).toBe('CHECKPOINT_DAMAGED');
    }),
  );
});
