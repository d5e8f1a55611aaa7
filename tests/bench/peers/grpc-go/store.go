package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ponte/bench/pb"
)

// The same rows as Ponte's users service keeps, with the answer of each idempotency key beside them in one transaction.
const schema = `
CREATE TABLE users (user_id TEXT NOT NULL PRIMARY KEY, display_name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, role BIGINT NOT NULL,
 create_us BIGINT NOT NULL, update_us BIGINT NOT NULL);
CREATE TABLE keys (key TEXT NOT NULL PRIMARY KEY, response BYTEA NOT NULL, create_us BIGINT NOT NULL);`

type store struct {
	read, write                      *sql.DB // SQLite takes one writer at a time
	find, insert, findKey, insertKey *sql.Stmt
}

// open takes "FILE" for SQLite, or a postgresql:// address.
func open(target string) (*store, error) {
	driver, source, writers := "sqlite3", "file:"+target+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate", 1
	if len(target) > 13 && target[:13] == "postgresql://" {
		driver, source, writers = "pgx", target, 8
	}
	s := &store{}
	var err error
	if s.write, err = sql.Open(driver, source); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(writers)
	s.write.SetMaxIdleConns(writers)
	s.read = s.write
	if driver == "sqlite3" {
		if s.read, err = sql.Open(driver, source); err != nil {
			return nil, err
		}
		s.read.SetMaxOpenConns(4)
		s.read.SetMaxIdleConns(4)
	}
	if _, err = s.write.Exec(schema); err != nil {
		return nil, err
	}
	for _, row := range []struct {
		to   **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.find, s.read, "SELECT user_id, display_name, email, role, create_us, update_us FROM users WHERE user_id = $1"},
		{&s.insert, s.write, "INSERT INTO users (user_id, display_name, email, role, create_us, update_us) VALUES ($1, $2, $3, $4, $5, $6)"},
		{&s.findKey, s.write, "SELECT response FROM keys WHERE key = $1"},
		{&s.insertKey, s.write, "INSERT INTO keys (key, response, create_us) VALUES ($1, $2, $3)"},
	} {
		if *row.to, err = row.db.Prepare(row.text); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func stamp(us int64) *timestamppb.Timestamp { return timestamppb.New(time.UnixMicro(us)) }

func (s *store) GetUser(ctx context.Context, request *pb.GetUserRequest) (*pb.User, error) {
	if _, err := uuid.Parse(request.UserId); err != nil {
		return nil, status.Error(codes.InvalidArgument, "user_id is no UUID")
	}
	user, created, updated := &pb.User{}, int64(0), int64(0)
	err := s.find.QueryRowContext(ctx, request.UserId).Scan(&user.UserId, &user.DisplayName, &user.Email, &user.Role, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, status.Error(codes.NotFound, "there is no such user")
	} else if err != nil {
		return nil, err
	}
	user.CreateTime, user.UpdateTime = stamp(created), stamp(updated)
	return user, nil
}

func (s *store) CreateUser(ctx context.Context, request *pb.CreateUserRequest) (*pb.User, error) {
	if request.DisplayName == "" || len(request.Email) < 3 || len(request.Email) > 254 {
		return nil, status.Error(codes.InvalidArgument, "display_name and email are needed")
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	user, kept := &pb.User{}, []byte(nil)
	if err = tx.StmtContext(ctx, s.findKey).QueryRowContext(ctx, request.IdempotencyKey).Scan(&kept); err == nil {
		return user, proto.Unmarshal(kept, user)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMicro()
	user = &pb.User{UserId: id.String(), DisplayName: request.DisplayName, Email: request.Email, Role: 1, CreateTime: stamp(now), UpdateTime: stamp(now)}
	if _, err = tx.StmtContext(ctx, s.insert).ExecContext(ctx, user.UserId, user.DisplayName, user.Email, user.Role, now, now); err != nil {
		return nil, err
	}
	if kept, err = proto.Marshal(user); err != nil {
		return nil, err
	}
	if _, err = tx.StmtContext(ctx, s.insertKey).ExecContext(ctx, request.IdempotencyKey, kept, now); err != nil {
		return nil, err
	}
	return user, tx.Commit()
}
