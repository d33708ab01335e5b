package provider

import "testing"

func FuzzProviderMessage(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"m","code":"c"}}`))
	f.Add([]byte(`{"error":"m"}`))
	f.Add([]byte(`{"error":"m","error_type":"Overloaded"}`))
	f.Add([]byte(`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"3s"},{"reason":"API_KEY_INVALID"}]}}`))
	f.Add([]byte(`{"detail":[{"input":"m"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got := (secrets{}).short(providerMessage(body).message); len(got) > 200 {
			t.Fatalf("a message of %d bytes", len(got))
		}
	})
}
