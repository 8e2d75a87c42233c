// The few requests that are made to the API server: pods, definitions, events.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

const (
	retryEvery = 250 * time.Millisecond
	retryFor   = 2500 * time.Millisecond
)

type kube struct {
	server string
	token  string
	http   *http.Client
}

// apiError is an answer of 400 and above, with the server's own words.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string { return e.message }

func codeOf(err error) int {
	var answer *apiError
	if errors.As(err, &answer) {
		return answer.code
	}
	return 0
}

// pod is the part that matters, and the whole object for writing it back unharmed.
type pod struct {
	Namespace string
	Name      string
	UID       string
	static    bool
	object    map[string]any
}

func (p *pod) annotation(key string) string {
	text, _ := child(child(p.object, "metadata"), "annotations")[key].(string)
	return text
}

func (k *kube) request(method, path string, body, into any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, k.server+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "multus")
	if k.token != "" {
		request.Header.Set("Authorization", "Bearer "+k.token)
	}
	response, err := k.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 400 {
		return &apiError{code: response.StatusCode, message: messageOf(response.StatusCode, data)}
	}
	if into == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func messageOf(code int, data []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(data, &status) == nil && status.Message != "" {
		return status.Message
	}
	if code == http.StatusNotFound {
		return "the server could not find the requested resource"
	}
	return fmt.Sprintf("the server answered %d: %s", code, bytes.TrimSpace(data))
}

func podPath(namespace, name string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(name)
}

func (k *kube) pod(namespace, name string) (*pod, error) {
	object := map[string]any{}
	if err := k.request(http.MethodGet, podPath(namespace, name), nil, &object); err != nil {
		return nil, err
	}
	p := &pod{Namespace: namespace, Name: name, object: object}
	meta := child(object, "metadata")
	p.UID, _ = meta["uid"].(string)
	p.static = p.annotation("kubernetes.io/config.source") != "" && p.annotation("kubernetes.io/config.source") != "api"
	return p, nil
}

// waitForPod waits a little for a pod that the API server does not know yet, and over a short outage.
func (k *kube) waitForPod(who *podArgs) (*pod, error) {
	deadline := time.Now().Add(retryFor)
	for {
		p, err := k.pod(who.namespace(), who.name())
		if err == nil {
			if who.uid() != "" && p.UID != who.uid() && !p.static {
				return nil, who.fail("expected pod UID %q but got %q from Kube API", who.uid(), p.UID)
			}
			return p, nil
		}
		if !mayPass(err) || time.Now().After(deadline) {
			return nil, who.fail("error waiting for pod: %v", err)
		}
		time.Sleep(retryEvery)
	}
}

func mayPass(err error) bool {
	switch codeOf(err) {
	case http.StatusNotFound, http.StatusInternalServerError, http.StatusServiceUnavailable:
		return true
	case 0:
		return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
	}
	return false
}

// networkConfig is the text of a NetworkAttachmentDefinition.
func (k *kube) networkConfig(namespace, name string) (string, error) {
	var definition struct {
		Spec struct {
			Config string `json:"config"`
		} `json:"spec"`
	}
	path := "/apis/k8s.cni.cncf.io/v1/namespaces/" + url.PathEscape(namespace) + "/network-attachment-definitions/" + url.PathEscape(name)
	err := k.request(http.MethodGet, path, nil, &definition)
	return definition.Spec.Config, err
}

// setNetworkStatus writes the annotation through the status subresource, again if somebody else was faster.
func (k *kube) setNetworkStatus(seen *pod, states []networkStatus) error {
	text, err := annotationText(states)
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		p, err := k.pod(seen.Namespace, seen.Name)
		if err != nil {
			return fmt.Errorf("SetPodNetworkStatusAnnotation: failed to query the pod %v in out of cluster comm: %v", seen.Name, err)
		}
		if p.UID != seen.UID {
			return fmt.Errorf("expected pod %s/%s UID %q but got %q from Kube API", seen.Namespace, seen.Name, seen.UID, p.UID)
		}
		child(child(p.object, "metadata"), "annotations")[statusAnnotation] = text
		err = k.request(http.MethodPut, podPath(p.Namespace, p.Name)+"/status", p.object, nil)
		if codeOf(err) == http.StatusConflict && attempt < 10 {
			time.Sleep(time.Duration(attempt+1) * 10 * time.Millisecond)
			continue
		}
		return err
	}
}
