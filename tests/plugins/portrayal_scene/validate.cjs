// Reads glTF files by their paths, writes what the Khronos validator says of each as JSON.
const fs = require("fs");
const validator = require("gltf-validator");

Promise.all(
  process.argv.slice(2).map((path) =>
    validator.validateBytes(new Uint8Array(fs.readFileSync(path)), { maxIssues: 100 }),
  ),
).then((reports) => process.stdout.write(JSON.stringify(reports)));
