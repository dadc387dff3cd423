import { describe, expect, it } from 'vitest';
import { visibleCpuFlags } from './cpu.ts';
import { compareVersions, knownBroken, pageServerHeaderBytes, versionOf } from './versions.ts';

describe('versions', () => {
  it('reads what kernels, criu and LXC call themselves', () => {
    expect(versionOf('6.18.44-fc-v782')).toEqual([6, 18, 44]);
    expect(versionOf('Version: 4.2')).toEqual([4, 2, 0]);
    expect(versionOf('not found')).toEqual([]);
  });

  it('compares numbers, not text, over the asked parts', () => {
    expect(compareVersions('6.9', '6.12')).toBeLessThan(0);
    expect(compareVersions('6.18.1', '6.18.44', 2)).toBe(0);
    expect(compareVersions('7.0.0', '6.18')).toBeGreaterThan(0);
  });

  it("knows the page server's two headers", () => {
    expect([
      pageServerHeaderBytes('3.19'),
      pageServerHeaderBytes('4.1.1'),
      pageServerHeaderBytes('4.10'),
      pageServerHeaderBytes('4.2'),
      pageServerHeaderBytes('5.0'),
    ]).toEqual([24, 24, 32, 32, 32]);
  });

  it('knows the pairs that fail', () => {
    expect(knownBroken('4.1.1', '6.16.0')).toMatch(/TCP/);
    expect(knownBroken('4.1.1', '6.12.107')).toBeUndefined();
    expect(knownBroken('4.2.1', '7.2.12')).toBeUndefined();
  });
});

describe('visibleCpuFlags', () => {
  it('leaves out what programs cannot see on x86, and takes all elsewhere', () => {
    expect(
      visibleCpuFlags(
        'processor\t: 0\nflags\t\t: fpu pti avx2 avx512f erms sse4_2 hypervisor\nflags\t\t: x\n',
      ),
    ).toEqual(['avx2', 'avx512f', 'sse4_2']);
    expect(visibleCpuFlags('processor\t: 0\nFeatures\t: fp asimd sve\n')).toEqual(['fp', 'asimd', 'sve']);
    expect(visibleCpuFlags('')).toEqual([]);
  });
});
