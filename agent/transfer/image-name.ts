import { LIMITS } from '../../protocol/limits.ts';
import { transferFailed } from './failure.ts';

const IMAGE_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** True for a name that an image file may have: one path segment, plain characters, no `..`. */
export function isImageName(name: string): boolean {
  return name.length <= LIMITS.imageFileNameChars && IMAGE_NAME.test(name) && !name.includes('..');
}

/** Returns `name` if it may be a file's. @throws GodwitError TRANSFER_FAILED */
export function checkImageName(name: string): string {
  if (!isImageName(name)) throw transferFailed(`'${name.slice(0, 64)}' cannot be an image file's name`);
  return name;
}
