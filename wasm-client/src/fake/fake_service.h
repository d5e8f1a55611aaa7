/* fake_service.h - TranscribeAudioStream behind a fake_gateway: a service that "hears" one word in each block of audio and checks that the client
 * keeps the contract (sequence, contiguous samples, warm-up, payloads at their positions). Test code only.
 *
 * Every block of FAKE_BLOCK samples becomes a final "w<number>", but every fifth is silence (Progress). Segmentation starts at the resume offset. */
#ifndef PONTE_WC_FAKE_SERVICE_H
#define PONTE_WC_FAKE_SERVICE_H

#include "wc/fake/fake_gateway.h"

enum { FAKE_RATE = 16000, FAKE_PACKET = 320, FAKE_BLOCK = 1600, FAKE_STREAMS = 512 };

typedef struct {
  wc_socket *socket;
  uint32_t call;
  bool configured, over;
  wire_frame_decoder frames;
  base_buf message;
  int64_t resume, committed, heard;
  uint64_t sequence;
} fake_stream;

typedef struct {
  fake_gateway gw;
  fake_stream streams[FAKE_STREAMS];
  int stream_count;
  int cut_one_in;       /* the connection is lost after one message in so many; 0 = never */
  int refuse_code;      /* answers new streams with this status; 0 = accepts */
  const char *pushback; /* grpc-retry-pushback-ms of refusals, or NULL */
  bool end_early;       /* says OK without being asked, once */
  int violations;       /* of the contract, by the client */
} fake_service;

void fake_service_init(fake_service *s, uint64_t seed);
void fake_service_dispose(fake_service *s);
/* A packet that holds its own position. */
void fake_packet(int64_t start, uint8_t out[8]);

#endif
