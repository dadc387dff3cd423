import { checkContainerName, checkToken } from '../../protocol/names.ts';

/** Commander argument parsers: a bad name is refused before anything is loaded or sent. @throws GodwitError NAME_INVALID */
export const containerName = (text: string): string => checkContainerName(text);
export const nodeId = (text: string): string => checkToken(text, 'node id');
export const jobId = (text: string): string => checkToken(text, 'job id');

export const checkpointId = (text: string): string => checkToken(text, 'checkpoint id');

/** The same for `<name...>` arguments. */
export const containerNames = collect(containerName);
export const nodeIds = collect(nodeId);
export const checkpointIds = collect(checkpointId);

function collect(check: (text: string) => string) {
  return (text: string, before: readonly string[] | undefined): readonly string[] => [
    ...(before ?? []),
    check(text),
  ];
}
