// A person tries the demo in a real Chromium. Arguments: the demo's URL, a name, a password, the browser, a folder for
// screenshots. Prints one JSON object of what was seen.
import { chromium } from 'playwright-core';

const [demo, login, password, executablePath, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = { foreign: [] };

try {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on('request', (request) => request.url().startsWith(demo) || seen.foreign.push(request.url()));
  const send = async (typed) => {
    await page.fill('input[name=login]', login);
    await page.fill('input[name=password]', typed);
    const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    return answer.status();
  };
  await page.goto(`${demo}/`);
  await page.screenshot({ path: `${folder}/demo_index.png` });
  await Promise.all([page.waitForNavigation(), page.click('text=Sign in')]);
  seen.form = page.url().slice(demo.length).split('?')[0];
  await page.screenshot({ path: `${folder}/demo_form.png` });
  seen.wrong = await send(`${password}!`);
  seen.right = await send(password);
  seen.landed = page.url().slice(demo.length);
  seen.upstream = await page.locator('body').innerText();
  const [cookie] = await context.cookies();
  seen.cookie = { name: cookie.name, httpOnly: cookie.httpOnly, secure: cookie.secure, sameSite: cookie.sameSite };
  await page.goto(`${demo}/_gateway/devices`);
  seen.devices = await page.locator('li').allInnerTexts();
  seen.current = await page.locator('li:has(strong)').count();
  await page.screenshot({ path: `${folder}/demo_devices.png` });
  await page.goto(`${demo}/_gateway/sign-out`);
  await Promise.all([page.waitForNavigation(), page.click('button')]);
  seen.signedOut = await page.locator('body').innerText();
  seen.cookies = (await context.cookies()).length;
  await page.screenshot({ path: `${folder}/demo_signed_out.png` });
  await page.goto(`${demo}/echo/`);
  seen.again = page.url().slice(demo.length).split('?')[0];
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
