"""Alerts for who runs Prometheus and Alertmanager anyway: their files, made of the rules, receivers and subscriptions.

    rules/*.yml         one comparison a rule, on the gauges of Lakescope's /metrics
    alertmanager.yml    grouping, inhibition, and the subscriptions as routes
    templates/*.tmpl    the words of its notifications

Lakescope evaluates; Prometheus asks its gauges. What counts events is no gauge: a redelivery would count it twice.
"""
