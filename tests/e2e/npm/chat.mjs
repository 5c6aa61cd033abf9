// Rocket.Chat's own client, unmodified: calls what it is told to, and prints what comes of each call as JSON.
// Arguments: the server's URL, a user id, a token, and the calls: [["get"|"post", endpoint, parameters], ...].
import { createRequire } from 'node:module';

const { RestClient } = createRequire(import.meta.url)('@rocket.chat/api-client');
const [baseUrl, userId, token, calls] = process.argv.slice(2);
const client = new RestClient({ baseUrl, credentials: { 'X-User-Id': userId, 'X-Auth-Token': token } });
const answers = [];
for (const [method, endpoint, parameters] of JSON.parse(calls)) {
	try {
		answers.push({ answer: await client[method](endpoint, parameters ?? undefined) });
	} catch (refused) {
		if (!(refused instanceof Response)) throw refused;
		answers.push({ status: refused.status, answer: await refused.json() });
	}
}
console.log(JSON.stringify(answers));
