// Drives the steps of a dossier to its end: an apology with a new date, once; a result that is taken back
// with a reason; and who collected it.
//
// usage: node steps.mjs PAGE DOSSIER_ID NEW_DATE SCREENSHOT_DIR
import { drive } from './common.mjs';

const [page_url, id, until, shots] = process.argv.slice(2);

await drive(page_url, shots, async ({ page, look, says, press }) => {
  await page.goto(`${page_url}/#/d/${id}`);
  await press('extend-send');
  await says('extend-note-error', 'Ghi lý do hẹn lại');
  await says('extend-until-error', 'Ghi ngày/tháng/năm');
  await page.fill('#extend-note', 'Chờ ý kiến cơ quan thuế');
  await page.fill('#extend-until', '01/01/2020 09:00');
  await press('extend-send');
  await says('extend-until-error', 'phải sau ngày hẹn hiện nay');
  await look('extend');
  await page.fill('#extend-until', until);
  await press('extend-send');
  await says('due-dates', 'xin lỗi, hẹn lại: Chờ ý kiến cơ quan thuế');
  await says('due-dates', 'Đã in, hẹn lần đầu');
  await page.waitForSelector('#extend-panel', { state: 'hidden' });

  await press('move-4');
  await says('filed', 'Đang xử lý');
  await press('move-9');
  await says('filed', 'Chờ trả kết quả');
  await press('move-4');
  await says('move-note-error', 'Nhập lý do');
  await page.fill('#move-note', 'Sai ngày sinh trên kết quả');
  await press('move-4');
  await says('history', 'Sai ngày sinh trên kết quả');
  await press('move-9');
  await says('filed', 'Chờ trả kết quả');
  await page.fill('#collector', '');
  await press('move-10');
  await says('collector-error', 'Ghi người nhận kết quả');
  await page.fill('#collector', 'Trần Văn Mẫu');
  await look('return');
  await press('move-10');
  await says('history', 'người nhận: Trần Văn Mẫu');
  await says('filed', 'Đã kết thúc');
});
