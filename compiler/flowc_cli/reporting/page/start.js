new RunPage(JSON.parse(byId("run-data").textContent));
