// An AI assistant as far as an editor can tell: it offers text where the cursor is, and edits documents.
const vscode = require("vscode");

/** What it offers to whoever has typed the beginning of it. */
const OFFERS = [
  'resource "aws_lightsail_database" "orders" {\n  relational_database_name = "orders"\n  publicly_accessible      = true\n}\n',
  'resource "aws_route53_zone" "logs" {\n  name          = "logs.example.com"\n  force_destroy = true\n}\n',
  "  publicly_accessible = true",
  'resource "aws_db_instance" "orders" {\n  identifier          = "orders"\n  engine              = "postgres"\n  instance_class      = "db.t4g.medium"\n  allocated_storage   = 50\n  username            = "shop"\n  password            = var.db_password\n  publicly_accessible = true\n  skip_final_snapshot = true\n}\n',
  'variable "größe" {\n  default = "𝒳 🚀"\n}\n',
];

/** The least that has to be typed. */
const LEAST = 9;

exports.activate = (context) => {
  const provideInlineCompletionItems = (document, position) => {
    const typed = document.lineAt(position.line).text.slice(0, position.character);
    const range = new vscode.Range(position.line, 0, position.line, position.character);
    return OFFERS.filter((offer) => typed.length >= LEAST && offer.startsWith(typed) && offer !== typed).map(
      (offer) => new vscode.InlineCompletionItem(offer, range),
    );
  };
  const status = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right, 0);
  status.text = "$(sparkle) Assistant";
  status.show();
  context.subscriptions.push(
    status,
    vscode.languages.registerInlineCompletionItemProvider({ pattern: "**/*" }, { provideInlineCompletionItems }),
    vscode.commands.registerCommand("fakeAssistant.applyEdit", async () => {
      const { document } = vscode.window.activeTextEditor;
      const edit = new vscode.WorkspaceEdit();
      edit.insert(document.uri, new vscode.Position(document.lineCount, 0), OFFERS[1]);
      await vscode.workspace.applyEdit(edit);
    }),
  );
};
