/** What a refusal of the hub means, in Japanese: its own sentence, which says more, is English. */
import { HubRefused } from "@gotapi/sdk";
import { Refused } from "../core/operator.js";

// GotAPI's result codes, and from 101 on those of 3DCAPI.
const CODES: Readonly<Record<number, string>> = {
  1: "処理できませんでした。",
  2: "この機能はサービスにありません。",
  3: "この操作には対応していません。",
  4: "この操作には対応していません。",
  5: "サービスが指定されていません。",
  6: "サービスが見つかりません。電源と接続を確認してください。",
  7: "時間内に応答がありませんでした。",
  8: "この操作には対応していません。",
  9: "電池の残量が足りません。",
  10: "入力した値が正しくありません。",
  11: "許可されていません。",
  12: "許可の期限が切れました。",
  13: "アクセストークンが無効です。",
  14: "このコンソールの許可に含まれていません。「アプリケーション」で変更できます。",
  15: "アプリケーションの登録がありません。",
  16: "機器の今の状態ではできません。",
  17: "今はできません。",
  18: "許可された相手ではありません。",
  19: "アドレスが正しくありません。",
  20: "機能の名前が正しくありません。",
  21: "プラグインが止まっています。「プラグイン」を確認してください。",
  22: "プラグインが一時停止しています。少し待って、もう一度お試しください。",
  101: "この操作には対応していません。",
  102: "モデル作成サービスに接続できません。",
  103: "モデル作成サービスが時間内に応答しませんでした。",
  104: "モデル作成サービスの応答を理解できません。",
  105: "モデル作成サービスに断られました。",
  106: "モデル作成サービスとの接続をやり直してください。",
  107: "このテンプレートはありません。",
  108: "ファイルがありません。",
  109: "届いていない画像があります。",
  110: "画像の数が合いません。",
  111: "モデルはまだできていません。",
  112: "作成中のモデルはありません。",
  113: "モデルを作れませんでした。",
  114: "作成は中止されました。",
  115: "同時に作成できる数を超えています。しばらくしてからお試しください。",
  116: "この画像は使えません。",
  117: "届いたモデルは使えません。",
  118: "モデルのファイルは保存期間が過ぎました。",
  119: "モデル作成サービスは対応していません。",
  120: "モデルを印刷できませんでした。",
  121: "空き容量が足りません。",
};

// The statuses of the operator's API.
const STATUSES: Readonly<Record<number, string>> = {
  400: "入力した値が正しくありません。",
  403: "許可されていません。",
  404: "見つかりません。すでになくなった可能性があります。",
  409: "今の状態ではできません。",
  413: "大きすぎます。",
  429: "開いている数、または依頼の数が多すぎます。",
  503: "今はできません。",
  507: "空き容量が足りません。",
};

/** The hub's sentence of a failure, after what it means where that is known. */
export function inJapanese(error: unknown, text: string): string {
  const known = meaning(error);
  return known ? `${known}（ハブの説明：${text}）` : text;
}

function meaning(error: unknown): string {
  if (error instanceof HubRefused) return CODES[error.code] ?? STATUSES[error.status] ?? "";
  return error instanceof Refused ? (STATUSES[error.status] ?? "") : "";
}
