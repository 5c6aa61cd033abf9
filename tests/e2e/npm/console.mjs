// The console in a real browser, by keyboard and on a narrow screen. Arguments: the admin port's URL, the admin token,
// the browser's program, a user's id, a folder for screenshots. Prints one JSON object of what it saw.
import { chromium } from 'playwright-core';

const [admin, token, executablePath, user, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = { errors: [], foreign: [], wide: [] };

const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim());

// Presses Tab, or Shift and Tab, until that text has the focus.
const tabTo = async (page, text, key = 'Tab') => {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    if ((await focused(page)) === text) return;
  }
  throw new Error(`no Tab leads to ${text}`);
};

const heading = (page, text) => page.waitForFunction((wanted) => document.querySelector('h1')?.textContent.includes(wanted), text);

const shown = async (page, place, name, screenshot = false) => {
  for (const width of [320, 1100]) {
    await page.setViewportSize({ width, height: 800 });
    const [inside, outside] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    if (inside > outside) seen.wide.push(`${place} at ${width}: ${inside}`);
    if (screenshot) await page.screenshot({ path: `${folder}/console-${name}-${width}.png` });
  }
};

const page = await browser.newPage({ colorScheme: 'light' });
page.setDefaultTimeout(60_000); // a busy machine is no fault of the page
try {
  page.on('console', (line) => line.type() === 'error' && !line.text().includes('401') && seen.errors.push(line.text()));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => !request.url().startsWith(admin) && !request.url().startsWith('data:') && seen.foreign.push(request.url()));

  const first = await page.goto(admin);
  seen.csp = first.headers()['content-security-policy'];
  await heading(page, 'Who is there?');
  await page.locator('input[type=password]').focus();
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]');
  await page.locator('input[type=password]').focus();
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  await heading(page, 'wrong right now');
  await shown(page, 'state', 'state', true);

  await tabTo(page, 'Users', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await heading(page, 'Find a user');
  await page.waitForSelector('td:has-text("mallory")');
  seen.markup = await page.locator('#main b').count();
  await page.locator('input[type=search]').fill(user);
  await page.keyboard.press('Enter');
  await page.waitForFunction((id) => [...document.querySelectorAll('tbody a')].length === 1 && document.querySelector('tbody a').textContent === id, user);
  await tabTo(page, user);
  await page.keyboard.press('Enter');
  await page.waitForSelector('caption:text("Sessions and devices")');
  await shown(page, 'user', 'user', true);
  const rows = () => page.locator('table:has(caption:text("Sessions and devices")) tbody tr').count();
  seen.sessions = [await rows()];

  await tabTo(page, 'End');
  await page.keyboard.press('Enter');
  seen.asked = await focused(page);
  await page.keyboard.press('Escape');
  seen.sessions.push(await rows());
  await page.locator('button:text-is("End")').first().focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.getElementById('message').textContent === 'Done.');
  await page.waitForFunction(() => document.querySelector('tbody').rows.length === 1);
  seen.sessions.push(await rows());

  for (const place of ['organizations', 'keys', 'routes', 'explain', 'revoke', 'audit']) {
    await page.goto(`${admin}/#/${place}`);
    await page.waitForFunction((href) => document.querySelector('[aria-current]')?.getAttribute('href') === href, `#/${place}`);
    await page.waitForSelector('h1');
    await shown(page, place, place, place === 'routes');
  }
  await page.goto(`${admin}/#/explain`);
  await heading(page, 'What would be decided');
  await page.locator('input[name=url]').fill('/admin/x');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dl');
  seen.explained = await page.locator('dl').textContent();

  await tabTo(page, 'Forget the token', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await heading(page, 'Who is there?');
  seen.left = await page.evaluate(() => sessionStorage.length);
} catch (error) {
  seen.error = `${error.stack}\n${await page.locator('body').textContent()}`;
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
