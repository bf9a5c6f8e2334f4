// Lists the newest orders, then closes the first open position: node example.ts API TOKEN
import { body, connect, Refused } from "./client.ts";

declare const process: { argv: string[]; exitCode: number };

const [, , api = "", token = ""] = process.argv;
const candlecast = connect(api, () => token);

const orders = body(await candlecast.GET("/v1/orders", { params: { query: { filled: true, limit: 10 } } }));
for (const order of orders.items) console.log(order.market, order.leg, order.state, order.filled_quantity, order.average_price);

const positions = body(await candlecast.GET("/v1/positions"));
const [position] = positions.items;
if (position !== undefined) {
  const { account_id, subscription_id, market } = position;
  try {
    const closing = body(await candlecast.POST("/v1/positions/close", { body: { account_id, subscription_id, market } }));
    console.log("closing", market, closing.quantity);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.log("refused", error.code);
    process.exitCode = 1;
  }
}
