// Drives who hands in: a card scanned into whatever field has the focus, cards that are cut, foreign or mangled,
// one that overwrites what was typed, and a second dossier of the same person. Without a mouse. Prints "done ID
// CODE" for the first and the second dossier.
//
// usage: node person.mjs PAGE SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, shots] = process.argv.slice(2);
const CARD = '079190000017|024681357|Nguyễn Thị Mẫu|05031990|Nữ|12/3 Lê Lợi, TP. Hồ Chí Minh|21042021';
const HOSTILE = `<img src=x onerror="alert(1)"> '"&`;

await drive(page_url, shots, async ({ page, look, says }) => {
  page.on('dialog', () => { throw new Error('markup was run'); });
  const key = (name) => page.keyboard.press(name);
  // A scanner types as a keyboard does, and ends with Enter.
  const scan = async (line) => { await page.keyboard.type(line); await key('Enter'); };
  const shows = (field, value) => page.waitForFunction(([id, text]) => document.getElementById(id).value === text, [field, value]);
  const saved = async () => {
    await page.waitForFunction(() => /-\d{6}-\d{4}$/.test(document.getElementById('code').textContent.trim()));
    const href = await page.getAttribute('#saved-open', 'href');
    console.log(`done ${decodeURIComponent(href.replace('#/d/', ''))} ${(await page.textContent('#code')).trim()}`);
  };

  await page.goto(`${page_url}/#/register`);
  await page.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
  let registrations = 0;
  page.on('request', (request) => { if (request.method() === 'POST' && request.url().endsWith('/dossiers')) registrations += 1; });

  // Nothing of a card that is none, cut or mangled goes into the form.
  await key('F7');
  await scan('H29.01.02-261130-0001');
  await says('card-error', 'không phải mã QR của thẻ căn cước');
  await scan(CARD.split('|').slice(0, 4).join('|'));
  await says('card-error', 'chỉ có 4 phần');
  await scan(CARD.replace('Nguyễn', 'Nguye64n'));
  await says('card-error', 'làm hỏng họ tên');
  await scan(CARD.replace('Nguyễn', HOSTILE));
  await says('card-error', 'làm hỏng họ tên');
  await shows('applicant-name', '');
  await look('card-refused');

  // Into the field of the telephone: the card's takes it, nothing stays there, no form is sent.
  await page.fill('#applicant-name', 'Trần Mẫu gõ tay');
  await page.selectOption('#procedure', '1.001193'); // the form could be sent now
  await page.focus('#applicant-phone');
  await page.keyboard.type('0909');
  await page.focus('#applicant-id');
  await scan(CARD);
  await says('card-said', 'Nguyễn Thị Mẫu, 079190000017');
  await says('card-said', 'Trần Mẫu gõ tay');
  for (const [field, value] of [['name', 'Nguyễn Thị Mẫu'], ['id', '079190000017'], ['birth', '05/03/1990'], ['address', '12/3 Lê Lợi, TP. Hồ Chí Minh'], ['phone', '0909']]) await shows(`applicant-${field}`, value);
  await shows('card', '');
  if ((await page.locator('.card-from').count()) !== 4) throw new Error('not every field says that it is read from the card');
  await look('card-read');

  // What it replaced comes back with one press; then the card once more, with something to compare.
  await page.focus('#card-back');
  await key('Enter');
  await shows('applicant-name', 'Trần Mẫu gõ tay');
  await shows('applicant-id', '');
  await key('F7');
  await scan(CARD.replace('079190', '079191'));
  await says('card-said', 'không khớp với năm sinh');
  await page.focus('#applicant-name');
  await key('End');
  await page.keyboard.type(' An');
  await page.waitForFunction(() => document.querySelectorAll('.card-from').length === 3);
  await key('F7');
  await scan(CARD);
  await shows('applicant-name', 'Nguyễn Thị Mẫu');
  await page.waitForSelector('#draft-box[data-state="saved"]');
  const draft = await page.evaluate(async () => JSON.stringify(await api('GET', `/drafts/${location.hash.split('/')[2]}`)));
  if (draft.includes('|') || draft.includes('21042021')) throw new Error(`the scanned line is in the draft: ${draft}`);
  if (registrations) throw new Error('the Enter of a scanner sent the form');

  await page.fill('#request', 'việc thứ nhất');
  await page.fill('#paper-0-name', 'Tờ khai thứ nhất');
  await page.fill('#fee', '50000');
  await key('F9');
  await saved();
  await look('person-saved');

  // One key: the same person, and nothing of the case.
  await key('F6');
  await shows('applicant-name', 'Nguyễn Thị Mẫu');
  for (const [field, value] of [['id', '079190000017'], ['birth', '05/03/1990'], ['phone', '0909'], ['address', '12/3 Lê Lợi, TP. Hồ Chí Minh']]) await shows(`applicant-${field}`, value);
  for (const field of ['procedure', 'request', 'fee', 'due', 'paper-0-name']) await shows(field, '');
  await says('register-status', 'Nguyễn Thị Mẫu');
  if ((await page.evaluate(() => document.activeElement.id)) !== 'procedure') throw new Error('the procedure is not next');
  await look('person-again');

  // From a dossier that was found, while another person is being typed: that draft waits in the list.
  await page.fill('#applicant-name', 'Người đang gõ dở');
  await key('F4');
  await page.keyboard.type('nguyen thi mau');
  await page.locator('#dossier-rows a').first().click();
  await says('dossier-facts', 'Nguyễn Thị Mẫu');
  await key('F6');
  await shows('applicant-name', 'Nguyễn Thị Mẫu');
  await page.reload();
  await shows('applicant-name', 'Nguyễn Thị Mẫu');
  await says('drafts-list', 'Người đang gõ dở');
  await page.waitForSelector('#procedure option[value="1.001193"]', { state: 'attached' });
  await page.selectOption('#procedure', '1.001193');
  await key('F9');
  await saved();
});
