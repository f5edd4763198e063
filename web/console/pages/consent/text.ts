import { words } from "../../core/words.js";

export const t = words({
  title: ["Requests", "リクエスト"],
  none: ["Nobody is asking", "リクエストはありません"],
  noneText: [
    "When an application wants to use your devices, its request appears here.",
    "アプリケーションが機器の利用を求めると、ここに表示されます。",
  ],
  notify: ["Notify me of requests", "リクエストを通知する"],
  notified: ["Your browser tells you of requests while this page is open in the background.", "このページをバックグラウンドで開いている間、ブラウザーがリクエストを通知します。"],
  program: ["A program on this computer asks", "このコンピューター上のプログラムからのリクエスト"],
  noAddress: ["A page without an address asks", "アドレスのないページからのリクエスト"],
  local: ["A page from this computer asks", "このコンピューター上のページからのリクエスト"],
  web: ["A web page asks", "ウェブページからのリクエスト"],
  saysItIs: ["It says it is", "名乗っている名前"],
  address: ["Address", "アドレス"],
  from: ["From", "送信元"],
  noneAddress: ["none", "なし"],
  programHint: [
    "The hub cannot check who a program is. Approve it only if you have just started it.",
    "ハブはプログラムの正体を確認できません。自分で起動した直後の場合だけ許可してください。",
  ],
  noAddressHint: [
    "It was opened from a file, or stands inside another page. All such pages look the same to the hub: what you allow one, you allow them all.",
    "ファイルから開かれたか、別のページに埋め込まれています。ハブからは区別できないため、許可はこの種のページすべてに及びます。",
  ],
  localHint: [
    "It comes from a web server on this computer. It chose the name above itself.",
    "このコンピューター上のウェブサーバーから配信されています。上の名前は自称です。",
  ],
  webHint: [
    "Go by this address: it comes from the browser. The name above is the page's own.",
    "このアドレスで判断してください（ブラウザーが保証します）。上の名前はページの自称です。",
  ],
  openHint: [
    "Its connection is not protected: others on the network can change what it does.",
    "通信が暗号化されていないため、ネットワーク上の第三者に改変されるおそれがあります。",
  ],
  compare: [
    "Approve only if the application, or the page it opened, shows this code:",
    "アプリケーション（または開かれたページ）に同じコードが表示されている場合だけ許可してください:",
  ],
  code: ["Code of the request", "リクエストのコード"],
  wants: ["It wants to", "求めている権限"],
  known: ["This origin already has access under “{name}”.", "この送信元は「{name}」としてすでに許可されています。"],
  replace: ["Replace it", "置き換える"],
  replaceText: ["the earlier access is revoked when you approve", "許可すると以前のアクセスは取り消されます"],
  waiting: ["The application is waiting for your answer.", "アプリケーションが回答を待っています。"],
  stopped: [
    "The application has stopped waiting; it gets your answer when it asks again.",
    "アプリケーションは待機を終えました。次に問い合わせたときに回答が伝わります。",
  ],
  left: ["Answer within {time}", "残り時間 {time}"],
  over: ["Its time is over", "期限切れ"],
  asked: ["Asked {when}", "{when}に受信"],
  deny: ["Deny", "拒否"],
  approve: ["Approve", "許可"],
  approved: ["Approved {name}.", "「{name}」を許可しました。"],
  denied: ["Denied {name}.", "「{name}」を拒否しました。"],
  none1: ["Choose at least one.", "少なくとも1つ選択してください。"],
});
