// A peer of tests/bench/services.py: the same calls over grpc-go, or (-json) as JSON over HTTP/1.1 by net/http.
// Usage: grpc-go-peer [-json] [STORE]: a file for SQLite, or postgresql://...; none: only the echo. Prints its port and stays until stdin ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"

	"ponte/bench/pb"
)

type echo struct {
	pb.UnimplementedEchoServiceServer
}

func (echo) UnaryEcho(_ context.Context, p *pb.Payload) (*pb.Payload, error) {
	return &pb.Payload{Text: p.Text, Data: p.Data, Count: p.Count}, nil
}

type users struct {
	pb.UnimplementedUserServiceServer
	*store
}

func (u users) GetUser(ctx context.Context, r *pb.GetUserRequest) (*pb.User, error) {
	return u.store.GetUser(ctx, r)
}

func (u users) CreateUser(ctx context.Context, r *pb.CreateUserRequest) (*pb.User, error) {
	return u.store.CreateUser(ctx, r)
}

// answer serves a method as a REST service of Go would: encoding/json on the same struct, the call's path.
func answer[Q, A any](path string, method func(context.Context, *Q) (*A, error)) {
	http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		request := new(Q)
		if err := json.NewDecoder(r.Body).Decode(request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response, err := method(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(response); err != nil {
			log.Print(err)
		}
	})
}

func main() {
	asJSON := flag.Bool("json", false, "JSON over HTTP/1.1")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	service := users{}
	if flag.NArg() > 0 {
		if service.store, err = open(flag.Arg(0)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if *asJSON {
		answer("/ponte.test.v1.EchoService/UnaryEcho", echo{}.UnaryEcho)
		answer("/ponte.users.v1.UserService/GetUser", service.GetUser)
		answer("/ponte.users.v1.UserService/CreateUser", service.CreateUser)
		go func() { log.Fatal(http.Serve(listener, nil)) }()
	} else {
		server := grpc.NewServer()
		pb.RegisterEchoServiceServer(server, echo{})
		pb.RegisterUserServiceServer(server, service)
		go func() { log.Fatal(server.Serve(listener)) }()
	}
	io.Copy(io.Discard, os.Stdin)
}
