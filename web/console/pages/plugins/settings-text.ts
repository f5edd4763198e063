import { locale, number, words } from "../../core/words.js";
import type { Setting } from "./settings-model.js";

export const t = words({
  default: ["default", "既定値"],
  file: ["gotapi.toml", "gotapi.toml"],
  command: ["command line", "コマンドライン"],
  draft: ["not saved", "未保存"],
  given: [
    "Given when the hub was started ({by}). That goes before the file; start the hub without it to change it here.",
    "ハブの起動時に指定されています（{by}）。ファイルより優先されるため、変更するには指定せずにハブを起動してください。",
  ],
  none: ["This plug-in has no settings.", "このプラグインに設定はありません。"],
  raw: [
    "The plug-in has not said what can be set. This is what the file has for it.",
    "このプラグインは設定項目を公開していません。ファイルの内容を表示しています。",
  ],
  where: ["Kept in {file}, section [plugins.{id}].", "保存先：{file} の [plugins.{id}]"],
  restarts: ["Saving restarts the plug-in.", "保存するとプラグインが再起動します。"],
  later: ["The plug-in takes them when it connects again.", "プラグインの次回接続時に反映されます。"],
  on: ["on", "オン"],
  off: ["off", "オフ"],
  emptyChoice: ["(none)", "（なし）"],
  isSet: ["set, and not shown; type to change it", "設定済み（非表示）。変更する場合のみ入力"],
  notSet: ["not set", "未設定"],
  reset: ["Back to the default", "既定値に戻す"],
  remove: ["Remove", "削除"],
  undo: ["Undo", "元に戻す"],
  isDefault: ["Default: {value}", "既定値：{value}"],
  nothing: ["empty", "空"],
  unknown: ["The plug-in does not know this setting.", "プラグインが認識しない設定です。"],
  needed: ["It is needed.", "必須です。"],
  outdated: ["It runs with an earlier value still.", "まだ以前の値で動作しています。"],
  outdatedAll: ["The file was changed since this plug-in was started.", "プラグインの起動後にファイルが変更されています。"],
  take: ["Restart with the file's values", "ファイルの値で再起動"],
  stands: ["***1 stands for a secret, and keeps it.", "***1 は登録済みの秘密の値を表し、そのまま保持されます。"],
  json: ["JSON: {should}.", "JSON形式：{should}"],
  anything: ["any value", "任意の値"],
  wrong: ["This should be {should}.", "{should}にしてください。"],
  noJson: ["This is no JSON: {why}", "JSONとして読めません：{why}"],
  whole: ["a whole number", "整数"],
  any: ["a number", "数値"],
  between: ["{what} from {least} to {most}", "{least}～{most}の{what}"],
  least: ["{what} of at least {least}", "{least}以上の{what}"],
  most: ["{what} of at most {most}", "{most}以下の{what}"],
  more: ["{what} above {least}", "{least}より大きい{what}"],
  moreMost: ["{what} above {least} and at most {most}", "{least}より大きく{most}以下の{what}"],
  text: ["text", "文字列"],
  short: ["text of at most {most} characters", "{most}文字以内の文字列"],
  save: ["Save", "保存"],
  discard: ["Discard changes", "変更を破棄"],
  pending: ["{count} change|{count} changes", "{count}件の変更"],
  saved: ["Saved. {name}: {state}.", "保存しました。「{name}」は{state}です。"],
  savedOnly: ["Saved.", "保存しました。"],
  anyway: ["Restart {name} anyway?", "「{name}」を再起動しますか？"],
  restart: ["Save and restart", "保存して再起動"],
  fix: ["Some settings need another look.", "設定内容を確認してください。"],
  add: ["Add a setting", "設定を追加"],
  addName: ["Name", "名前"],
  addValue: ["Value", "値"],
  addHelp: ["A number, true, false, a list or a table as JSON; anything else is text.", "数値、true、false、JSON形式のリスト・テーブル以外は文字列として扱います。"],
});

/** What a number or a text may be, in words. */
export function limits(setting: Setting): string {
  const { kind, minimum, maximum, above, longest } = setting;
  if (kind === "text") return longest === null ? t("text") : t("short", { most: number(longest) });
  const what = kind === "int" ? t("whole") : t("any");
  const least = number(minimum ?? above ?? 0, { maximumFractionDigits: 20 });
  const most = number(maximum ?? 0, { maximumFractionDigits: 20 });
  if (minimum !== null) return maximum === null ? t("least", { what, least }) : t("between", { what, least, most });
  if (above !== null) return maximum === null ? t("more", { what, least }) : t("moreMost", { what, least, most });
  return maximum === null ? what : t("most", { what, most });
}

/** What the hub says in English of a list or a table, in parts. */
const PARTS = [
  ["a list; each item: ", "リスト。各要素："],
  ["a list of exactly: ", "リスト："],
  ["a list", "リスト"],
  ["a table with ", "テーブル："],
  ["a table", "テーブル"],
  [" (needed)", "（必須）"],
  ["true or false", "真偽値"],
  ["a whole number", "整数"],
  ["a number", "数値"],
  [", or ", "、または"],
  ["one of ", "次のいずれか："],
  ["：text", "：文字列"],
] as const;

/** What the hub says of a kind, in the user's language. */
export function kindWords(should: string): string {
  if (locale.value === "en") return should;
  return PARTS.reduce((text, [english, japanese]) => text.replaceAll(english, japanese), should);
}

/** What the settings of the plug-ins that come with the hub are for. */
const ours = words({
  "printer.ports": [
    "The printers: for each a table with path of its port, usb_serial or ble, and more.",
    "プリンターの一覧。それぞれ path（ポート）、usb_serial、ble のいずれかと、必要な項目を指定します。",
  ],
  "printer.discover": ["Also use printers on USB that are not listed.", "一覧にないUSB接続のプリンターも使用します。"],
  "printer.exclude": ["What discovery leaves alone: ports, USB serial numbers, vid:pid.", "自動検出から除くもの（ポート、USBシリアル番号、vid:pid）。"],
  "printer.slicer_profile": [
    "Path of a configuration exported from PrusaSlicer, for printers without one of their own.",
    "個別の指定がないプリンターで使う、PrusaSlicerから書き出した設定ファイルのパス。",
  ],
  "printer.content": ["Content servers to print from, besides the hub's own.", "ハブ以外の、印刷データを取得するコンテンツサーバー。"],
  "printer.contents": ["Folder of the hub's own content server; empty: one in its data.", "ハブのコンテンツサーバーのフォルダー。空の場合はハブのデータ内。"],
  "portrayal.title": ["What the service is called.", "サービスの名称。"],
  "portrayal.abstract": ["What it says of itself.", "サービスの説明。"],
  "portrayal.provider": ["Who runs it.", "提供者。"],
  "portrayal.site": ["A web page of theirs.", "提供者のWebページ。"],
  "portrayal.contact": ["A person to ask.", "連絡担当者。"],
  "portrayal.mail": ["An address to write to.", "連絡先メールアドレス。"],
  "portrayal.fees": ["What its use costs.", "利用料金。"],
  "portrayal.access": ["What its use is bound to.", "利用条件。"],
  "portrayal.scenes": ["Folder of the scenes; empty: one in the hub's data.", "シーンのフォルダー。空の場合はハブのデータ内。"],
  "creation.embedded": ["Use the hub's own creation service.", "ハブ内蔵の生成サービスを使用します。"],
  "creation.services": ["Further creation services: url, name, key.", "追加の生成サービス（url、name、key）。"],
  "creation.compat": ["Answer with the spelling of the figures of the specification, too.", "仕様書の図の表記でも応答します。"],
  "creation.strict_http": ["Failures get an HTTP status of their own instead of 200.", "失敗時に200ではなく個別のHTTPステータスを返します。"],
  "creation.jobs_per_application": ["Unfinished jobs of one application.", "アプリごとの未完了ジョブ数。"],
  "creation.call_time": ["Time for one answer of a service, in seconds.", "サービスの応答を待つ時間（秒）。"],
  "creation.job_time": ["Time for one model, in seconds.", "モデル1つの生成時間の上限（秒）。"],
  "creation.lost_time": [
    "Time a service may be out of reach before its job is made again, in seconds.",
    "サービスに接続できないとき、ジョブをやり直すまでの時間（秒）。",
  ],
  "creation.keep_results": ["Time the files of a model are kept, in seconds.", "モデルのファイルの保存期間（秒）。"],
  "creation.engines": ["Settings of the embedded service's engines, by name.", "内蔵サービスのエンジンごとの設定。"],
});

/** What a setting is for; of other plug-ins what they say themselves. */
export function purpose(plugin: string, bundled: boolean, setting: Setting): string {
  if (!bundled) return setting.description;
  try {
    return ours(`${plugin}.${setting.name}` as Parameters<typeof ours>[0]);
  } catch {
    return setting.description; // one that has no text here
  }
}
