# In a shell: no labels, no configuration, no graphics card
logllm scan app.log --top 5 --html report.html      # learns from the first part, judges the rest
logllm fit normal.log --out model                   # learns what is normal, sets an alarm budget
tail -f app.log | logllm watch - --model model      # alerts as JSON lines, as soon as a window closes
logllm space                                        # this page on your own machine
