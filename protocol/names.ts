import { GodwitError } from './errors.ts';
import { LIMITS } from './limits.ts';

const NODE_ID = /^[A-Za-z0-9_-]+$/;
const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** True for a node, cluster or job id: one NATS token (ADR-6 "restricted term"), no escaping needed. */
export function isToken(value: string): boolean {
  return value.length <= LIMITS.nodeIdChars && NODE_ID.test(value);
}

/** True for a container name godwit accepts; `..` is refused because names become path segments. */
export function isContainerName(value: string): boolean {
  return value.length <= LIMITS.containerNameChars && CONTAINER_NAME.test(value) && !value.includes('..');
}

/** Returns `value` if it is a container name. @throws GodwitError NAME_INVALID */
export function checkContainerName(value: string): string {
  if (!isContainerName(value)) throw new GodwitError('NAME_INVALID', { what: 'container name', name: value });
  return value;
}

/** Returns `value` if it is a node id. @throws GodwitError NAME_INVALID */
export function checkToken(value: string, what = 'node id'): string {
  if (!isToken(value)) throw new GodwitError('NAME_INVALID', { what, name: value });
  return value;
}

/** A container name as one NATS token and KV key: `_` becomes `__`, `.` becomes `_d`. */
export function toToken(containerName: string): string {
  return checkContainerName(containerName).replaceAll('_', '__').replaceAll('.', '_d');
}

/** The inverse of {@link toToken}. @throws GodwitError NAME_INVALID */
export function fromToken(token: string): string {
  return checkContainerName(token.replaceAll(/_(.)/g, (_all, kind: string) => (kind === 'd' ? '.' : kind)));
}
