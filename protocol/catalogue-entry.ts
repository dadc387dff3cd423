/** What one catalogue entry says. `exit` is the CLI's exit code (DESIGN section 10), `status` the number that travels
 * in `Nats-Service-Error-Code`; `{name}` in a message or hint is replaced from the error's details. */
export interface CatalogueEntry {
  readonly status: number;
  readonly exit: number;
  readonly message: string;
  readonly hint: string;
}
