# In a shell: no labels, no configuration, no graphics card
logllm scan app.log --top 5 --html report.html      # judges each part by what the rest of the log teaches
logllm fit normal.log --out model                   # learns what is normal, sets the threshold by an alarm budget
tail -f app.log | logllm watch - --model model      # alerts as JSON lines, as soon as something is found
logllm space                                        # this page on your own machine
