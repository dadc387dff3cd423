import { fromToken, GodwitError } from '../../protocol/mod.ts';

/** What "nobody listens" means on a subject, by its family (`godwit.v1.<cluster>.<family>.<name>.<verb>`). */
export function absentError(subject: string): GodwitError {
  const [, , , family, name = ''] = subject.split('.');
  switch (family) {
    case 'container':
      return new GodwitError('CONTAINER_NOT_FOUND', { container: nameOf(name) });
    case 'job':
      return new GodwitError('JOB_NOT_FOUND', { job: name });
    case 'node':
      return new GodwitError('NODE_NOT_FOUND', { node: name });
    default:
      return new GodwitError('NODE_NOT_FOUND', { node: 'any' });
  }
}

/** True for the subjects that only the owner of a container may answer. */
export function isOwnerSubject(subject: string): boolean {
  return subject.split('.')[3] === 'container';
}

function nameOf(token: string): string {
  try {
    return fromToken(token);
  } catch {
    return token;
  }
}
