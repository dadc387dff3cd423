/** What `godwit doctor` looks at on one node. */
export { type Check, type Finding, failed, ok, skipped, warning } from './check.ts';
export { type DoctorOptions, runDoctor } from './doctor.ts';
