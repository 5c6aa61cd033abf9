// A person signs in by the form in a real Chromium, for each page in a browser of its own. Arguments: the browser, a name,
// a password, and the pages. Prints where each of them came to, as JSON.
import { chromium } from 'playwright-core';

const [executablePath, login, password, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const landed = [];
try {
  for (const url of pages) {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.fill('input[name=login]', login);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForURL((address) => !address.pathname.startsWith('/_gateway/'), { timeout: 10000 }).catch(() => 0);
    landed.push(page.url());
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(landed));
