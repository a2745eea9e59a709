// Runs the compiled examples given as arguments, one after the other, and prints a line of JSON for each.
import { pathToFileURL } from 'node:url';

const print = process.stdout.write.bind(process.stdout);
const silent = () => undefined;
Object.assign(console, { log: silent, info: silent, table: silent, warn: silent, error: silent });

for (const file of process.argv.slice(2)) {
  print(`${JSON.stringify({ file, started: true })}\n`);
  let error;
  try {
    await import(pathToFileURL(file).href);
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  print(`${JSON.stringify({ file, error })}\n`);
}
