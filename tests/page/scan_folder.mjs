// Drives the scanner's folder: what is offered for a dossier comes first, a picture is looked at, F10 attaches what
// was chosen; on the form a choice stays with the draft over a reload and is attached when it is saved. No mouse.
// Prints "made ID" for the dossier that is registered.
//
// usage: node scan_folder.mjs PAGE DOSSIER SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says }) => {
  const key = (name) => page.keyboard.press(name);
  const focused = () => page.evaluate(() => document.activeElement.closest('li[data-file]') && document.activeElement.closest('li[data-file]').textContent);
  const line = (name) => `#folder-files li:has-text("${name}")`;
  const saw = (what, is) => { if (!is) throw new Error(`not seen: ${what}`); };

  await page.goto(`${page_url}/#/d/${id}`);
  await page.waitForSelector('#folder-files li[data-state="ready"]');
  await page.waitForSelector(`${line('gia.pdf')}[data-state="wrong_type"]`);
  await page.waitForFunction(() => document.querySelectorAll('#folder-files li[data-state="ready"]').length === 3);
  saw('nothing is chosen by itself', await page.isDisabled('#folder-send'));
  saw('what cannot be attached cannot be chosen', await page.isDisabled(`${line('gia.pdf')} input`));
  await key('F10');
  saw('the one whose name has the code comes first', (await focused()).includes('Tên tệp có mã hồ sơ này'));
  // The list is asked for again every two seconds: the focus stays.
  await page.waitForResponse((answer) => answer.url().includes('/scan-folder?'));
  saw('the focus stays', (await focused()).includes('Tên tệp có mã hồ sơ này'));
  await page.focus(`${line('anh.png')} button`);
  await key('Enter');
  await page.waitForFunction(() => { const img = document.querySelector('#folder-files img'); return img && img.complete && img.naturalWidth === 64; });
  saw('the button says that it is open', (await page.getAttribute(`${line('anh.png')} button`, 'aria-expanded')) === 'true');
  await look('scan-folder');
  await key('F10');
  await key('Space');
  await says('folder-send', 'Đính kèm 1 tệp');
  await key('F10');
  await says('folder-said', 'vào hồ sơ.');
  await page.waitForFunction(() => document.querySelectorAll('#folder-files li').length === 3);
  await says('dossier-scans', '.pdf');
  await look('scan-folder-attached');

  await key('F2');
  await page.waitForSelector(`${line('to-khai.pdf')}[data-state="ready"]`);
  await page.focus(`${line('to-khai.pdf')} input`);
  await key('Space');
  await page.waitForFunction(() => document.getElementById('draft-box').dataset.state === 'saved');
  // A choice is typed as anything else: a reload leaves it.
  await page.reload();
  await page.waitForSelector(`${line('to-khai.pdf')}[data-state="ready"]`);
  saw('still chosen', await page.isChecked(`${line('to-khai.pdf')} input`));
  saw('only that one', !(await page.isChecked(`${line('anh.png')} input`)));
  await look('scan-folder-form');
  await page.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
  await page.selectOption('#procedure', '1.001193');
  await page.fill('#applicant-name', 'Trần Thị Mẫu');
  await key('F9');
  await page.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));
  await says('saved-scans', 'Đã lưu to-khai.pdf vào hồ sơ');
  const href = await page.getAttribute('#saved-open', 'href');
  console.log(`made ${decodeURIComponent(href.replace('#/d/', ''))}`);
  await look('scan-folder-saved');
});
