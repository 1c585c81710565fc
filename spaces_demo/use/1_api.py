"""From a program, by this page's named endpoint /scan."""

from gradio_client import Client

client = Client("http://127.0.0.1:7860")  # or the id of the Space
for window in client.predict(open("examples/syslog.log").read(), "logllama", api_name="/scan"):
    if window["is_anomalous"]:
        for line in window["lines"]:
            if line["reason"]:
                print(line["number"], line["text"], line["reason"], sep="\n  ")
