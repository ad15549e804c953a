// What the page drivers have in common: a browser, words with the test that started them, complaints,
// and the check for people who do not see or do not use a mouse.
import { chromium } from 'playwright-core';
import { createInterface } from 'node:readline';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// A node that was refused for a while waits up to a minute before it tries its hub again.
export const PATIENCE = 100_000;

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the test do something, and gives its answer.
export async function ask(what) {
  console.log(what);
  return (await answers.next()).value;
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Runs `steps` with a page; ends only if nothing on it went wrong.
export async function drive(page_url, shots, steps) {
  mkdirSync(shots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const complaints = [];
    const watched = (page) => {
      page.setDefaultTimeout(PATIENCE);
      page.on('pageerror', (error) => complaints.push(String(error)));
      // The page works in an office without internet: it asks nobody but its own machine.
      page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(page_url) && !/^(data|blob):/.test(url)) complaints.push(`asked ${url}`);
      });
      return page;
    };
    // Another PC: it shares nothing with the others. `tab()` opens one more of its tabs.
    const pc = async () => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      return { context, tab: async () => watched(await context.newPage()) };
    };
    const page = await (await pc()).tab();
    const shot = (name) => page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
    const accessible = async (name) => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run());
      for (const v of violations) {
        complaints.push(`${name}: ${v.id}, ${v.help}: ${v.nodes.map((node) => node.target.join(' ')).join(', ')}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) complaints.push(`${name}: ${wide} px wider than the window`);
    };
    // The same on a wide screen and a phone, in both languages.
    const look = async (name) => {
      for (const [suffix, width] of [['', 1280], ['-phone', 390]]) {
        await page.setViewportSize({ width, height: 900 });
        for (const language of ['vi', 'en']) {
          const switches = (await page.$('dialog[open] #lock-lang')) ? '#lock-lang' : '#lang';
          if ((await page.getAttribute('html', 'lang')) !== language) await page.click(switches);
          await accessible(`${name}${suffix} ${language}`);
          if (language === 'vi') await shot(name + suffix);
        }
        await page.click((await page.$('dialog[open] #lock-lang')) ? '#lock-lang' : '#lang');
      }
      await page.setViewportSize({ width: 1280, height: 900 });
    };
    // Waits until an element, by its id or a selector, is shown and says these words.
    const says = (at, words) =>
      page.waitForFunction(([box, text]) => {
        const found = /^[#.[]/.test(box) ? document.querySelector(box) : document.getElementById(box);
        return found !== null && !found.hidden && found.textContent.includes(text);
      }, [at, words]);
    // Buttons rest a moment, so that a second press of a double click does not meet the next one.
    const press = async (button) => {
      await page.waitForSelector(`#${button}:enabled`);
      await page.click(`#${button}`);
    };
    await steps({ page, pc, shot, look, says, press });
    if (complaints.length > 0) throw new Error(`errors on the page: ${complaints.join('; ')}`);
  } finally {
    await browser.close();
    // An open standard input would keep this process alive.
    process.stdin.destroy();
  }
}
