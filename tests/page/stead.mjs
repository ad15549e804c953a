// Drives who is away: the head says it without a mouse and lends a duty, the stand-in takes a dossier, and what the
// leaver still has is handed on when the account is closed.
//
// usage: node stead.mjs PAGE DOSSIER SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, shots] = process.argv.slice(2);
const HOSTILE = `<img src=x onerror="alert(1)"> '"&`;

await drive(page_url, shots, async ({ page, look, says, press }) => {
  page.on('dialog', () => { throw new Error('markup was run'); });
  // For somebody else than before the page is loaded afresh: nothing may be pressed until then.
  const enter = async (login, password, name, afresh = true) => {
    await page.fill('#log-in-login', login);
    await page.fill('#log-in-password', password);
    const loaded = afresh && page.waitForEvent('load');
    await page.press('#log-in-password', 'Enter');
    await loaded;
    await says('who-name', name);
  };
  const leave = async () => { await page.click('#who-lock'); await page.click('#unlock-other'); };
  const day = (more) => { const at = new Date(Date.now() + 7 * 3600e3 + more * 864e5); return at.toISOString().slice(0, 10).split('-').reverse().join('/'); };

  await page.goto(page_url);
  await page.waitForSelector('#log-in-form:not([hidden])');
  await enter('lanhdao', 'trưởng phòng 2026', 'Phạm Thị Mẫu Hạnh', false);
  await page.focus('#who-stead');
  await page.keyboard.press('Enter');
  await says('stead-rows', 'Không ai vắng');
  await page.waitForFunction(() => document.getElementById('away-who').options.length === 5);
  await page.focus('#away-send');
  await page.keyboard.press('Enter');
  await says('away-from-error', 'Ghi ngày/tháng/năm');
  await says('away-why-error', 'Không được để trống');
  await page.selectOption('#away-who', { label: 'Nguyễn Mẫu An' });
  await page.selectOption('#away-person', { label: 'Trần Mẫu Bình' });
  await page.fill('#away-from', day(0));
  await page.fill('#away-until', day(-1));
  await page.fill('#away-why', HOSTILE);
  await page.press('#away-why', 'Enter');
  await says('away-until-error', 'Ngày cuối phải sau ngày đầu');
  await page.fill('#away-until', day(2));
  await page.press('#away-until', 'Enter');
  await says('stead-rows', 'Nguyễn Mẫu An vắng');
  await says('stead-rows', HOSTILE);
  await page.check('#lend-duties-direct');
  await page.selectOption('#lend-person', { label: 'Trần Mẫu Bình' });
  await page.fill('#lend-from', day(0));
  await page.fill('#lend-until', day(1));
  await page.fill('#lend-why', 'đi họp');
  await page.press('#lend-why', 'Enter');
  await says('stead-rows', 'Phạm Thị Mẫu Hạnh ủy quyền cho Trần Mẫu Bình');
  await says('left-rows', 'Nguyễn Mẫu An (đang vắng) giữ 2 hồ sơ');
  await look('stead');
  await leave();

  // The stand-in begins afresh: in their own list, marked, and taken with one press.
  await enter('binh', 'quầy số một 2026', 'Trần Mẫu Bình');
  await page.waitForSelector('#view-stead', { state: 'hidden' });
  await page.click('#tab-in_work');
  await page.check('#mine');
  await says('#dossier-rows', 'Bạn làm thay Nguyễn Mẫu An');
  await look('stead-list');
  await page.goto(`${page_url}/#/d/${id}`);
  await says('stood-words', 'ở tay Nguyễn Mẫu An, đang vắng');
  await look('stead-dossier');
  await press('stood-take');
  await says('#history', 'Trần Mẫu Bình (thay Nguyễn Mẫu An)');
  await page.waitForSelector('#stood-box', { state: 'hidden' });
  await leave();

  // Closed while it holds one: shown at once, counted in the lists, handed on with the reason.
  await enter('lanhdao', 'trưởng phòng 2026', 'Phạm Thị Mẫu Hạnh');
  await page.goto(`${page_url}/#/people`);
  const row = page.locator('#account-rows li', { hasText: 'Nguyễn Mẫu An' }).first();
  await row.locator('[data-act="closing"]').click();
  await says('left-rows', 'Nguyễn Mẫu An (tài khoản đã khóa) còn giữ 1 hồ sơ');
  await page.keyboard.press('F4');
  await says('left-banner', '1 hồ sơ đang ở tay tài khoản đã khóa');
  await look('left-banner');
  await page.click('#left-open');
  const form = page.locator('form.left');
  await form.locator('button').click();
  await says('left-rows', 'Không được để trống');
  await form.locator('select').selectOption({ label: 'Lê Mẫu Chi' });
  await form.locator('input[id^="left-note"]').fill(HOSTILE);
  await look('left-work');
  await form.locator('input[id^="left-note"]').press('Enter');
  await says('stead-said', 'Đã giao 1 hồ sơ cho Lê Mẫu Chi');
  await says('left-rows', 'Không có hồ sơ nào');
  await page.keyboard.press('F4');
  await page.waitForSelector('#left-banner', { state: 'hidden' });
});
