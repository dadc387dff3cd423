import { GodwitError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** A place in a document, both counted from 1; columns count characters (code points). */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with one document. Refusals are collected, so that one answer can name them all. */
export interface Problems {
  /** Notes something well-formed that cannot be honoured, and goes on. */
  refuse(offset: number, problem: string): void;
  /** Ends the reading at once. @throws GodwitError XML_REFUSED or XML_MALFORMED */
  fail(code: 'XML_REFUSED' | 'XML_MALFORMED', offset: number, problem: string): never;
  /** Throws what was collected, the first place first. @throws GodwitError XML_REFUSED */
  finish(): void;
}

interface Problem {
  readonly offset: number;
  readonly problem: string;
}

/** Collects the problems of `source`, a text with LF line ends, which people know as `file`. */
export function createProblems(source: string, file: string): Problems {
  const found: Problem[] = [];
  return {
    refuse(offset, problem) {
      found.push({ offset, problem });
    },
    fail(code, offset, problem) {
      throw new GodwitError(code, { file, ...placeOf(source, offset), problem });
    },
    finish() {
      const [first, ...others] = found
        .toSorted((a, b) => a.offset - b.offset)
        .slice(0, LIMITS.domainProblems)
        .map(({ offset, problem }) => ({ ...placeOf(source, offset), problem }));
      if (!first) return;
      throw new GodwitError('XML_REFUSED', {
        file,
        line: first.line,
        column: first.column,
        problem: [first.problem, ...others.map((o) => `${o.line}:${o.column}: ${o.problem}`)].join('; '),
        problems: [first, ...others],
      });
    },
  };
}

/** Line and column of an offset in a text with LF line ends. */
export function placeOf(source: string, offset: number): Place {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  const column = [...before.slice(before.lastIndexOf('\n') + 1)].length + 1;
  return { line, column };
}

/** A value from the document as it may stand in a message: one line, bounded, quoted. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}
