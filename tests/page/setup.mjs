// Drives the set-up page without a mouse: the printer measured and not, a scanner that types as it should and in each
// of the ways in which it should not, the machine in words, today's first number.
//
// usage: node setup.mjs PAGE SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says }) => {
  const key = (name) => page.keyboard.press(name);
  const saw = (what, is) => { if (!is) throw new Error(`not seen: ${what}`); };
  await page.goto(page_url);
  await page.waitForSelector('#foot-setup');
  await page.focus('#foot-setup');
  await key('Enter');
  await says('trial-measured', 'chưa được đo');
  await says('trial-measure', 'vạch dọc phải dài đúng 100 mm, vạch ngang 100 mm');
  await says('machine-facts', 'Phường');
  await look('setup');

  // The printer: by keys, kept in this browser, and the usual paper of receipts with it.
  await page.focus('#trial-paper');
  await page.selectOption('#trial-paper', '80');
  await says('trial-measure', 'vạch ngang 60 mm');
  await key('Tab'); await key('Tab');
  saw('the button that says it is right has the focus', (await page.evaluate(() => document.activeElement.id)) === 'trial-right');
  await key('Enter');
  await says('trial-measured', 'đã đo đúng trên khổ Cuộn 80 mm');
  await page.reload();
  await says('trial-measured', 'đã đo đúng trên khổ Cuộn 80 mm');
  saw('the paper of receipts', (await page.evaluate(() => localStorage.getItem('motcua.paper.receipt'))) === '80');
  await page.focus('#trial-wrong');
  await key('Enter');
  await says('trial-measured', 'chọn tỷ lệ 100 %');
  await says('trial-measured', 'chưa được đo');
  const sheet = await page.evaluate(async () => (await fetch('/api/v1/test-sheet?paper=80')).text());
  saw('the sheet', sheet.includes('TRANG IN THỬ'));

  // The scanner, as a keyboard types.
  const { digits, card } = await page.evaluate(async () => (await fetch('/api/v1/test-sheet/expected')).json());
  const scan = async (text, end) => {
    await page.focus('#trial-field');
    await page.evaluate(() => document.getElementById('trial-said').replaceChildren());
    await page.keyboard.type(text);
    if (end) await key(end);
    await page.waitForSelector('#trial-said p');
    saw('the field is empty again', (await page.inputValue('#trial-field')) === '');
    // How fast this driver types on a loaded machine is no matter of the page.
    return page.$$eval('#trial-said [data-found]', (all) => all.map((one) => one.dataset.found).filter((word) => word !== 'scan_slow'));
  };
  const finds = async (what, text, end, ...expected) => {
    const found = await scan(text, end);
    saw(`${what}: ${found} for ${expected}`, JSON.stringify(found) === JSON.stringify(expected));
  };
  await finds('bars', digits, 'Enter');
  await says('trial-said', 'mã vạch của trang in thử');
  await finds('a card', card, 'Enter');
  await says('trial-said', 'mã QR của trang in thử');
  await look('setup-scanned');
  await finds('no Enter', digits, null, 'scan_no_end');
  await finds('Tab', digits, 'Tab', 'scan_tab');
  await finds('a code id', `]C1${digits}`, 'Enter', 'scan_extra');
  await says('trial-said', ']C1');
  await finds('a key lost', digits.slice(0, 5) + digits.slice(6), 'Enter', 'scan_lost');
  await finds('capitals', Array.from(card).map((c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join(''), 'Enter', 'scan_caps');
  await finds('no marks', card.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/đ/g, 'd').replace(/Đ/g, 'D'), 'Enter', 'scan_marks');
  await finds('question marks', card.replace(/[^\x20-\x7e]/g, '?'), 'Enter', 'scan_marks');
  await finds('another code', 'HELLO-WORLD', 'Enter');
  await says('trial-said', 'Không phải mã của trang in thử');
  await finds('markup', '<img src=x onerror=alert(1)>', 'Enter');

  // An input method takes back what was typed and types it anew.
  await page.focus('#trial-field');
  await page.keyboard.type(card.slice(0, 20));
  await key('Backspace');
  await page.keyboard.type(`ệ${card.slice(20)}`);
  await key('Enter');
  await page.waitForSelector('#trial-said [data-found="scan_ime"]');
  // What a browser tells of layouts and speed is handed in: the driver's keyboard has neither.
  const told = (change) => page.evaluate(([text, how]) => {
    const wrong = '&é"\'(-è_çà';
    const keys = Array.from(text, (c, at) => ({ key: how === 'layout' ? wrong[(Number(c) + 9) % 10] : c, code: `Digit${c}`, shift: false, at: at * (how === 'slow' ? 120 : 4), ime: false }));
    const shown = keys.map((one) => one.key).join('');
    return diagnose({ keys: keys.concat([{ key: 'Enter', code: 'Enter', at: 9999 }]), text: shown, composed: false, expected: setup.expected });
  }, [digits, change]);
  saw('another layout', JSON.stringify((await told('layout')).found) === '[["scan_layout"]]');
  saw('slow', JSON.stringify((await told('slow')).found) === '[["scan_slow",120]]');

  // Today's first number, where the error stands beside the field.
  await page.focus('#start-number');
  await page.keyboard.type('abc');
  await key('Enter');
  await page.waitForSelector('#start-problem:not([hidden])');
  await page.fill('#start-number', '120');
  await key('Enter');
  await says('start-said', '120');
  saw('set once', !(await page.isVisible('#start-form')));
  await look('setup-done');
});
