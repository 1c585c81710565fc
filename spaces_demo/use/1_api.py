"""From a program, by this page's named endpoints: /find, /diff, and /scan, which asks a model."""

from gradio_client import Client

client = Client("http://127.0.0.1:7860")  # or the id of the Space
for finding in client.predict(open("examples/syslog.log").read(), api_name="/find")["findings"]:
    if finding["is_anomalous"]:
        line = finding["lines"][0]
        print(line["number"], line["text"], finding["reason"], sep="\n  ")
