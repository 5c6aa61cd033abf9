// A person's page of devices in a real Chromium. Arguments: the page's URL, the cookie's value, the browser, a picture.
import { chromium } from 'playwright-core';

const [url, cookie, executablePath, picture] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const seen = { errors: [], foreign: [] };
try {
	const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
	const { hostname: domain } = new URL(url);
	await context.addCookies([{ name: '__session', value: cookie, domain, path: '/', httpOnly: true, secure: true, sameSite: 'Lax' }]);
	const page = await context.newPage();
	page.on('console', (message) => message.type() === 'error' && seen.errors.push(message.text()));
	page.on('request', (request) => new URL(request.url()).origin === new URL(url).origin || seen.foreign.push(request.url()));
	await page.goto(url);
	seen.width = await page.evaluate(() => document.documentElement.scrollWidth);
	seen.sessions = await page.locator('li').count();
	await page.screenshot({ path: picture, fullPage: true });
	const other = page.locator('li:not(:has(strong)) button').first();
	await other.focus();
	await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
	seen.left = await page.locator('li').count();
	await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Sign out everywhere else' }).click()]);
	seen.alone = await page.locator('li').count();
	const [answer] = await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Sign out' }).click()]);
	seen.signedOut = [answer.status(), await page.locator('p').first().innerText()];
	seen.cookies = (await context.cookies()).length;
} finally {
	await browser.close();
}
console.log(JSON.stringify(seen));
