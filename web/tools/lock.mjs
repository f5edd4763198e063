// Takes the addresses of the registry out of the lock file; version and hash say what is meant.
// npm's own omit-lockfile-registry-resolved leaves the packages of other systems without a version.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));
for (const one of Object.values(lock.packages)) {
  delete one.resolved;
  delete one.funding;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
