/**
 * x86 flags that programs can use and may have found at their start. The kernel's own marks (mitigations, hints such as
 * erms, virtualisation) are left out: they differ between equal CPUs and would refuse good moves.
 */
const X86_VISIBLE =
  /^(cmov|cx8|cx16|fxsr|mmx|mmxext|3dnow(ext)?|sse.*|ssse3|pni|misalignsse|pclmulqdq|fma4?|movbe|popcnt|abm|aes|xsave.*|xgetbv1|avx.*|f16c|rdrand|rdseed|rdpid|rdtscp|lahf_lm|xop|tbm|bmi[12]|hle|rtm|adx|clflush(opt)?|clwb|clzero|sha.*|gfni|vaes|vpclmulqdq|movdir(i|64b)|amx.*|ospke|fsgsbase|serialize|waitpkg|cldemote|enqcmd|user_shstk|sm[34]|cmpccxadd|mwaitx|ptwrite)$/;

/** Features of the first CPU that programs can see, by the kernel's names, from /proc/cpuinfo. */
export function visibleCpuFlags(cpuinfo: string): string[] {
  const x86 = /^flags\s*: (.*)$/m.exec(cpuinfo)?.[1];
  if (x86 !== undefined) return words(x86).filter((flag) => X86_VISIBLE.test(flag));
  return words(/^[Ff]eatures\s*: (.*)$/m.exec(cpuinfo)?.[1] ?? '');
}

function words(text: string): string[] {
  return [...new Set(text.split(/\s+/).filter(Boolean))];
}
