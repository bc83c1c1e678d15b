"""What somebody of the team does with the stack; the second time it finds what it left."""

import os

from sqlalchemy import create_engine, text

from stackspec import Stack

stack = Stack.open("team")

artifacts = stack.use("artifact_store")
if artifacts.exists("models/fraud.json"):
    print("found the artifacts", artifacts.list("models"), "and the log", stack.use("log_store").lines("baseline"))

with stack.use("experiment_tracker").run("baseline", experiment="fraud") as run:
    run.log_parameters({"depth": 6})
    run.log_metrics({"auc": 0.91})
print("tracked a run at", os.environ["MLFLOW_TRACKING_URI"])

artifacts.write("models/fraud.json", b'{"depth": 6}')
stack.use("log_store").append("baseline", ["trained in 3 s"])
print("kept a model and a log in the bucket")

with create_engine(os.environ["DATABASE_URL"]).begin() as database:
    database.execute(text("CREATE TABLE IF NOT EXISTS runs (name text, auc real)"))
    database.execute(text("INSERT INTO runs VALUES ('baseline', 0.91)"))
    print("rows in the database:", database.execute(text("SELECT count(*) FROM runs")).scalar())

registry = stack.use("container_registry")
print("images in the registry:", registry.tags("fraud") or "none yet")
