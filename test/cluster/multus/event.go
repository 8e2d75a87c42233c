// Events on the pod, which is where a user looks first.
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// event never fails an attachment: a lost event is only logged.
func (k *kube) event(p *pod, kind, reason, message string) {
	now := time.Now().UTC()
	stamp := now.Format(time.RFC3339)
	meta := child(p.object, "metadata")
	body := map[string]any{
		"apiVersion": "v1",
		"kind":       "Event",
		"metadata": map[string]any{
			"namespace": p.Namespace,
			"name":      fmt.Sprintf("%s.%x", p.Name, now.UnixNano()),
		},
		"involvedObject": map[string]any{
			"apiVersion": "v1", "kind": "Pod", "namespace": p.Namespace, "name": p.Name, "uid": p.UID,
			"resourceVersion": meta["resourceVersion"],
		},
		"type": kind, "reason": reason, "message": message,
		"source":             map[string]any{"component": "multus"},
		"firstTimestamp":     stamp,
		"lastTimestamp":      stamp,
		"count":              1,
		"reportingComponent": "multus",
	}
	if err := k.request(http.MethodPost, "/api/v1/namespaces/"+url.PathEscape(p.Namespace)+"/events", body, nil); err != nil {
		logf("error", "event %s for %s/%s: %v", reason, p.Namespace, p.Name, err)
	}
}
