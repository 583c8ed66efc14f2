/** The picture of a blast radius, for the docs. */
import { Code } from "./code.ts";
import { picture } from "./picture.ts";
import { Project } from "./project.ts";
import { until } from "./until.ts";

const NETWORK = `resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_subnet" "a" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.1.0/24"
}

resource "aws_subnet" "b" {
  vpc_id     = aws_vpc.main.id
  cidr_block = "10.0.2.0/24"
}

resource "aws_security_group" "web" {
  vpc_id = aws_vpc.main.id
}
`;

const SHOP = `resource "aws_db_subnet_group" "orders" {
  subnet_ids = [aws_subnet.a.id, aws_subnet.b.id]
}

resource "aws_db_instance" "orders" {
  identifier           = "orders"
  db_subnet_group_name = aws_db_subnet_group.orders.name
}

resource "aws_lb" "shop" {
  subnets         = [aws_subnet.b.id]
  security_groups = [aws_security_group.web.id]
}

resource "aws_route53_record" "shop" {
  zone_id = var.zone
  name    = "shop.example.com"
  type    = "CNAME"
  records = [aws_lb.shop.dns_name]
}

resource "aws_ecs_service" "api" {
  name = "api"
  network_configuration {
    subnets = [aws_subnet.a.id]
  }
}
`;

/** A network whose range is changed, and what hangs on it. */
export async function drawImpact(): Promise<void> {
  const code = await Code.start({ gate: "open" });
  const project = new Project({ "live/prod/network.tf": NETWORK, "live/prod/shop.tf": SHOP });
  try {
    const window = await code.open(project, "live/prod/network.tf", { width: 1180, height: 940 });
    await window.untilReady();
    await window.focusEditor();
    await window.goTo(2, 16);
    await window.press("Shift+End");
    await window.type('"10.1.0.0/16"');
    await window.save();
    await until("the lens", async () => (await window.lenses()).some(({ line, text }) => line === 1 && text === "replace · 8 dependents · production"));
    await window.run("View: Close Primary Side Bar");
    const tab = window.page.locator(".tab.active", { hasText: "Blast radius" });
    await window.click(window.page.locator(".codelens-decoration a", { hasText: "8 dependents" }), () => tab.count());
    await window.run("Toggle Vertical/Horizontal Editor Layout");
    await until("all of it", async () => {
      for (const frame of window.page.frames()) {
        if ((await frame.locator("g.box").count()) === 9) {
          return true;
        }
      }
      return false;
    });
    await window.run("Notifications: Clear All Notifications");
    await window.focusEditor();
    await picture(window, "blast-radius");
  } catch (error) {
    await Promise.all(code.windows.map((window) => window.keepPicture("blast-radius")));
    throw error;
  } finally {
    await code.stop();
    project.remove();
  }
}

if (process.argv[1] === import.meta.filename) {
  await drawImpact();
}
