// Consumes a Thing Description with node-wot: reads a property and invokes an action.
// Standard input: {"td": ..., "token": "...", "property": "...", "action": "...", "input": ...}
const { Servient } = require("@node-wot/core");
const { HttpClientFactory } = require("@node-wot/binding-http");

async function main(job) {
  const servient = new Servient();
  servient.addClientFactory(new HttpClientFactory());
  servient.addCredentials({ [job.td.id]: { token: job.token } });
  const wot = await servient.start();
  const thing = await wot.consume(job.td);
  const read = await (await thing.readProperty(job.property)).value();
  const done = await (await thing.invokeAction(job.action, job.input)).value();
  await servient.shutdown();
  return { read, done };
}

let text = "";
process.stdin.on("data", (piece) => (text += piece));
process.stdin.on("end", () => {
  main(JSON.parse(text)).then(
    (found) => process.stdout.write("\n" + JSON.stringify(found) + "\n"),
    (error) => { process.stderr.write(String(error && error.stack)); process.exitCode = 1; }
  );
});
