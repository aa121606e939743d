import { assertEquals } from "@std/assert";
import { signatureOf } from "../../../lib/manager/webhooks/signature.ts";
import { parseWebhookSecret } from "../../../lib/manager/webhooks/webhook.ts";

Deno.test("a message is signed as the example of Standard Webhooks", () => {
  const secret = parseWebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

  assertEquals(
    signatureOf({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestamp: 1614265330,
      body: '{"test": 2432232314}',
    }, secret),
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});
