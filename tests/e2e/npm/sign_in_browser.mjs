// A real browser signs in at a gateway and out. Arguments: the gateway's URL, the browser's program, a folder for
// screenshots, the session's cookie, and where one signs out. Prints one JSON object of what it saw.
import { chromium } from 'playwright-core';

const [gateway, executablePath, folder, cookie, signOut] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = {};
const step = (name, value) => {
  seen[name] = value;
};

const signIn = async (page, who) => {
  await page.waitForSelector('input[name=login]');
  await page.fill('input[name=login]', who);
  await page.fill('input[name=password]', 'x');
  await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  // Consent is asked for once.
  if (await page.$('form input[name=prompt][value=consent]')) {
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  }
};

try {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${gateway}/echo/a?b=1`);
  step('login_shown', !page.url().startsWith(gateway));
  await page.screenshot({ path: `${folder}/login.png` });
  await signIn(page, 'jane');
  step('landed', page.url().slice(gateway.length));
  await page.screenshot({ path: `${folder}/landed.png` });
  const cookies = await context.cookies(gateway);
  const ours = cookies.filter(({ name }) => name.startsWith(cookie));
  step('cookies', ours.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite })));

  const tabs = await Promise.all([1, 2, 3, 4, 5, 6].map(() => context.newPage()));
  await context.clearCookies({ name: cookie });
  await Promise.all(tabs.map((tab, place) => tab.goto(`${gateway}/echo/tab${place}`)));
  step('tabs', tabs.map((tab) => tab.url().slice(gateway.length)));

  step('signed_in_fetch', await page.evaluate(async () => (await fetch('/echo/x')).status));
  const stranger = await browser.newContext();
  const other = await stranger.newPage();
  await other.goto(`${gateway}/public/`);
  step('stranger_fetch', await other.evaluate(async () => {
    try {
      const answer = await fetch('/echo/x');
      return [answer.status, answer.redirected, answer.headers.get('content-type')];
    } catch (error) {
      return String(error);
    }
  }));
  step('framed', await other.evaluate((url) => new Promise((done) => {
    const frame = document.createElement('iframe');
    frame.onload = () => {
      try {
        done(frame.contentDocument ? frame.contentDocument.body.innerText : null);
      } catch {
        done(null);
      }
    };
    frame.src = url;
    document.body.append(frame);
  }), `${gateway}${signOut}`));

  await page.goto(`${gateway}${signOut}`);
  await page.screenshot({ path: `${folder}/sign_out.png` });
  const button = await page.$('button');
  step('asked_to_sign_out_here', button !== null);
  if (button) await Promise.all([page.waitForNavigation(), button.click()]);
  step('asked_to_sign_out_there', !page.url().startsWith(gateway));
  const yes = await page.$('button[name=logout]');
  if (yes) await Promise.all([page.waitForURL(`${gateway}/**`), yes.click()]);
  step('signed_out', page.url().slice(gateway.length));
  await page.screenshot({ path: `${folder}/signed_out.png` });
  await page.goto(`${gateway}/echo/a`);
  step('login_again', !page.url().startsWith(gateway));
} catch (error) {
  seen.error = String(error.stack);
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
