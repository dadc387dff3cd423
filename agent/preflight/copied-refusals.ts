import { entry, OVERRIDABLE } from './refusal-entry.ts';

/** What speaks against a move that copies directories, or against the volumes of a container. */
export const COPIED_REFUSALS = {
  RSYNC_MISSING: entry(
    'rsync is not there or does not start',
    'Install rsync: policy `copy` needs it on both nodes.',
  ),
  RSYNC_TOO_OLD: entry('rsync is too old: {what}', 'Install rsync 3.2.7 or newer.'),
  ROOTFS_TAKEN: entry(
    'something lies where the root file system would be copied to: {what}',
    'godwit builds on copies that it left itself, and that no other container uses. Move the directory away; or use policy `shared` if it is the same one.',
  ),
  ROOTFS_ROOM: entry(
    'not enough room for the root file system: {what}',
    'Free room on that disk, or choose another node.',
  ),
  LOWER_DIFFERS: entry(
    'what the root file system is laid over is not the same as at the source: {what}',
    'Names, kinds, rights, owners, sizes, links and contents have to be the same: bring the same image to both nodes.',
  ),
  ROOTFS_MOUNTS: entry(
    'something is mounted at the root file system or inside of it: {what}',
    'Policy `copy` copies one directory and puts it aside afterwards: unmount it, or give the container a <filesystem> for it.',
  ),
  ROOTFS_KEPT: entry(
    'something that godwit did not leave lies where the copy that stays behind would be kept: {what}',
    'Move it away.',
  ),
  VOLUME_STAYS: entry(
    'the container is bound to its node by a volume: {what}',
    "Stop it and move the data by hand; or give the volume another policy: <volume policy='copy'/> or 'shared'.",
  ),
  VOLUME_NOT_DIRECTORY: entry(
    'only directories can be copied with a container: {what}',
    'Mount a directory instead, or provide the file on each node without a <volume>.',
  ),
  VOLUME_IN_USE: entry(
    'what would be copied and put aside is used by other containers of the node: {what}',
    "Share it (<volume policy='shared'/>), or give each container a directory of its own.",
  ),
  VOLUME_DIFFERS: entry(
    'a shared volume is not the same directory as at the source: {what}',
    'Mount the shared file system at this path, or use --unsafe when your file system numbers inodes, or tells sizes, per node.',
    OVERRIDABLE,
  ),
} as const;
