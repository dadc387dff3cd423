import { renderAsyncApi } from './asyncapi.ts';
import { renderElements } from './elements.ts';
import { renderErrors } from './errors.ts';
import { renderSchemas } from './schemas.ts';
import { renderReadme } from './table.ts';

/** Folders that hold generated files only: anything else in them is stale. */
export const GENERATED_FOLDERS = ['protocol/schema'] as const;

/**
 * Every generated file, by its path in the repository. Pure: `read` gives the present text of a file that is
 * generated in part.
 */
export function renderArtifacts(read: (path: string) => string): ReadonlyMap<string, string> {
  return new Map([
    ['protocol/README.md', renderReadme(read('protocol/README.md'))],
    ['protocol/ERRORS.md', renderErrors()],
    ['protocol/domain/ELEMENTS.md', renderElements()],
    ['protocol/asyncapi.json', renderAsyncApi()],
    ...renderSchemas(),
  ]);
}
