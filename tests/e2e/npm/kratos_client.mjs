// Ory's own client for Kratos, unmodified: `kratos_client.mjs URL ASKS` with a list of parameters of `toSession` in JSON.
// Prints a line for each: the status and the document, and what the client threw.
import { Configuration, FrontendApi } from '@ory/kratos-client';

const [url, asks] = process.argv.slice(2);
const kratos = new FrontendApi(new Configuration({ basePath: url }));
for (const ask of JSON.parse(asks)) {
  try {
    const { status, data } = await kratos.toSession(ask);
    console.log(JSON.stringify({ status, data }));
  } catch (error) {
    const { status, data } = error.response ?? {};
    console.log(JSON.stringify({ status, data, thrown: error.name }));
  }
}
