// The interface of `zao serve`, made of docs/openapi.json by `npm run types`. Do not change it by hand.

import type { Seed } from "./types";
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An adapter that requests may name. */
        Adapter: {
            name: string;
            /**
             * Format: int64
             * @description Size of its file.
             */
            bytes: number;
            /** @description `LoRA`, `LoHa`, `LoKr`, `DoRA` or `diff`; null where its file says nothing that is understood. */
            kind: string | null;
            /**
             * Format: int64
             * @description The largest rank of its layers; null where it has none.
             */
            rank: number | null;
            /** @description Whether every worker has it open. */
            loaded: boolean;
            /** @description Why a worker could not open it when it was to be loaded. */
            problem: string | null;
        };
        /** @description The adapters of this server. */
        Adapters: {
            loras: components["schemas"]["Adapter"][];
        };
        /**
         * @description How large.
         * @enum {string}
         */
        AdvisedTier: "draft" | "standard" | "high";
        /** @description A prompt to weigh. */
        AskAdvice: {
            prompt: string;
        };
        /** @description A prompt to take apart, or slots to make a prompt of: one of both. */
        AskTemplate: {
            prompt?: string | null;
            slots?: components["schemas"]["PromptSlots"] | null;
        };
        /** @description What this server can do. */
        Capabilities: {
            /** @description Version of zao. */
            version: string;
            model: components["schemas"]["Model"];
            /** @description What draws, in words; null before the first worker is ready. */
            device: string | null;
            /** @description The arithmetic it draws in; null before the first worker is ready. */
            precision: string | null;
            /** @description Why in that one: a part of a sentence. */
            precision_reason: string | null;
            /** @description What both sides of a picture have to be multiples of. */
            size_multiple: number;
            min_side: number;
            max_width: number;
            max_height: number;
            /** Format: int64 */
            max_pixels: number;
            /** @description The size that is drawn when nobody asks for another. */
            default_size: components["schemas"]["Size"];
            /** Format: int32 */
            default_steps: number;
            /** Format: int32 */
            max_steps: number;
            /**
             * Format: int32
             * @description The most pictures of one request.
             */
            max_count: number;
            /** @description The highest priority that may be asked for. */
            max_priority: components["schemas"]["Priority"];
            /** @description What `quality` means here. */
            tiers: components["schemas"]["Tier"][];
            guidance: components["schemas"]["GuidanceLimits"];
            rngs: components["schemas"]["Rng"][];
            previews: components["schemas"]["PreviewLimits"];
            inputs: components["schemas"]["InputLimits"];
            max_prompt_characters: number;
            /** @description Tokens of a prompt that the model reads; what is longer is cut. */
            max_prompt_tokens: number;
            queue: components["schemas"]["QueueLimits"];
            retention: components["schemas"]["Retention"];
            /** @description Whether there are LoRAs. */
            loras: boolean;
            /** @description Families of routes: `jobs`, `events`, `openai`, `a1111`. */
            features: string[];
        };
        /** @description Memory of cards in bytes, by A1111's names: what a worker plans and reserves is all that it holds. */
        CardsMemory: {
            system: components["schemas"]["SystemMemory"];
            active: components["schemas"]["Held"];
            allocated: components["schemas"]["Held"];
            reserved: components["schemas"]["Held"];
            inactive: components["schemas"]["Held"];
            events: components["schemas"]["MemoryEvents"];
        };
        /** @description What went wrong. */
        Cause: {
            /** @description One line for people: what went wrong and what to do next. Its wording may change. */
            message: string;
            /** @description OpenAI's coarser word for it. */
            type: string;
            code: components["schemas"]["Code"];
            /** @description The field or header that is the cause, where it is one. */
            param: string | null;
            /** @description Where to read about errors. */
            docs: string;
            /** @description The id of the request, which the server's log has too; null in the middle of a stream. */
            request_id: string | null;
        };
        /** @description A prompt to look at. */
        CheckPrompt: {
            prompt: string;
            negative_prompt?: string | null;
            language?: components["schemas"]["Language"] | null;
        };
        /** @description A model. */
        CheckpointInfo: {
            title: string;
            model_name: string;
            hash: string;
            /** @description Always null: the model may be many files. */
            sha256: string | null;
            filename: string;
            config: string | null;
        };
        /**
         * @description What happened; programs decide by this.
         * @enum {string}
         */
        Code: "invalid_request" | "invalid_size" | "prompt_too_long" | "invalid_image" | "unauthorized" | "forbidden_origin" | "forbidden" | "not_found" | "unknown_lora" | "unknown_model" | "method_not_allowed" | "request_timeout" | "already_over" | "idempotency_conflict" | "cancelled" | "expired" | "body_too_large" | "unsupported_media_type" | "queue_full" | "client_queue_full" | "rate_limited" | "internal" | "draining" | "no_worker" | "worker_lost" | "out_of_memory" | "storage_full" | "storage_locked" | "deadline_exceeded";
        /** @description The data of an event `image_generation.completed`. */
        CompletedImage: {
            /** @description `image_generation.completed`. */
            type: string;
            b64_json: string;
            /** @description `WIDTHxHEIGHT`. */
            size: string;
            /** @description `low`, `medium` or `high`; `auto` where the prompt decided. */
            quality: string;
            background: string;
            /** @description `png`, `jpeg` or `webp`. */
            output_format: string;
            /**
             * Format: int64
             * @description Seconds since 1970.
             */
            created_at: number;
            /**
             * Format: uint64
             * @description Seed that draws it again.
             */
            seed: Seed;
            usage: components["schemas"]["Usage"];
            /** @description Fields of the request that mean nothing here or had no effect. */
            ignored: string[];
            /** @description Why, for those that are known here, one line each. */
            warnings: string[];
        };
        /** @description Memory of all cards that draw. */
        CudaMemory: components["schemas"]["CardsMemory"] | {
            /** @description `unavailable`. */
            error: string;
        };
        /** @description What is done about a wish of whoever runs the server. */
        Doing: {
            /** @description In one word. */
            status: string;
        };
        /** @description Pictures in one answer. */
        Drawn: {
            /**
             * Format: int64
             * @description Seconds since 1970.
             */
            created: number;
            data: components["schemas"]["DrawnImage"][];
            /** @description `WIDTHxHEIGHT`. */
            size: string;
            /** @description `low`, `medium` or `high`; `auto` where the prompt decided. */
            quality: string;
            /** @description `png`, `jpeg` or `webp`. */
            output_format: string;
            background: string;
            usage: components["schemas"]["Usage"];
            /**
             * Format: double
             * @description Seconds that the pictures were worked on.
             */
            inference_time_s: number | null;
            /**
             * Format: double
             * @description The most of the device's memory that was held meanwhile, in MiB; null where nobody knows.
             */
            peak_memory_mb: number | null;
            /** @description Fields of the request that mean nothing here or had no effect. */
            ignored: string[];
            /** @description What the client should know although it succeeded, one line each. */
            warnings: string[];
            /** @description Id of the job, whose pictures can be had at `/v1/jobs/{id}` as well. */
            job: string;
        };
        /** @description A picture: in Base64, or where it is. */
        DrawnImage: {
            b64_json?: string | null;
            url?: string | null;
            /**
             * Format: uint64
             * @description Seed that draws it again.
             */
            seed: Seed;
        };
        /** @description What a client gets in place of an answer, as OpenAI has it. */
        Error: {
            error: components["schemas"]["Cause"];
            /** @description Of the routes below `/sdapi/v1`: the message once more, where clients of A1111's own server look for it. */
            detail?: string | null;
        };
        /** @description A failure as one JSON object. */
        ErrorBody: {
            /** @description What kind of failure it is; programs decide by this. */
            code: components["schemas"]["ErrorCode"];
            /** @description One line for people: what went wrong and what to do next. Its wording may change. */
            message: string;
        };
        /**
         * @description The closed set of failure codes. A new code is a change of the interface.
         * @enum {string}
         */
        ErrorCode: "invalid_request" | "model_not_found" | "model_invalid" | "out_of_memory" | "cancelled" | "deadline_exceeded" | "worker_lost" | "storage_full" | "io" | "internal";
        Finding: {
            code: components["schemas"]["FindingCode"];
            severity: components["schemas"]["Severity"];
            span: components["schemas"]["Span"];
            text: string;
            message: string;
            /** @description What to write in its place; empty to leave it out, null where only a person can tell. */
            replacement: string | null;
            /** @description What helps to mend it by hand. */
            note: string | null;
        };
        /**
         * @description Which rule a finding is of.
         * @enum {string}
         */
        FindingCode: "intensifier" | "repetition" | "quality-tags" | "contradiction" | "abstract" | "too-long" | "unquoted-text" | "homograph" | "idiom" | "measure-word" | "dialect" | "punctuation" | "script" | "invisible" | "bilingual";
        /** @description A request in OpenAI's words. What is null is as if it were not there; fields that are not here are accepted and mean nothing. */
        GenerateImage: {
            /** @description What the picture shows. */
            prompt: string;
            /** @description The model of this server, or any of OpenAI's names, which mean the same. */
            model?: string | null;
            /**
             * Format: int32
             * @description How many pictures.
             */
            n?: number | null;
            /** @description `WIDTHxHEIGHT`, or `auto` for what suits the model. */
            size?: string | null;
            /**
             * @description Size and steps where they are not given: `medium` and `standard` are the model's own, `low` is three quarters of both, `high` and
             *     `hd` are five quarters. `auto` is what suits the model.
             */
            quality?: string | null;
            /** @description `png` unless given. */
            output_format?: string | null;
            /**
             * Format: int32
             * @description Of JPEGs: their quality. PNG and WebP lose nothing, so for them it means nothing.
             */
            output_compression?: number | null;
            /** @description `b64_json` unless given. */
            response_format?: string | null;
            /** @description Whether to show how they come to be. */
            stream?: boolean | null;
            /**
             * Format: int32
             * @description With `stream`: how often each picture is shown on its way.
             */
            partial_images?: number | null;
            /**
             * Format: uint64
             * @description Seed of the first picture; the next ones count up from it. A number from 0 to 2^64 - 1, or its decimal digits as text for clients whose numbers end at 2^53.
             */
            seed?: Seed | null;
            num_inference_steps?: components["schemas"]["Steps"] | null;
            steps?: components["schemas"]["Steps"] | null;
            /**
             * Format: float
             * @description Ours: classifier-free guidance, 0 is off.
             */
            guidance_scale?: number | null;
            /** @description Ours: what the picture should not show, with guidance. */
            negative_prompt?: string | null;
            /** @description Ours: adapters to follow. */
            lora?: components["schemas"]["Lora"][] | null;
            priority?: components["schemas"]["Priority"] | null;
            /** @description Ours: whether the prompt decides the size where neither `size` nor `quality` says one. Their `auto` is what suits the model. */
            auto_size?: boolean | null;
            /** @description Ours: whether a smaller picture may be drawn where memory has no room for this one. */
            allow_downscale?: boolean | null;
            /** @description Ours: `false` keeps the recipe out of the PNG. */
            metadata?: boolean | null;
        };
        /** @description Classifier-free guidance. */
        GuidanceLimits: {
            /** Format: float */
            default: number;
            /** Format: float */
            max: number;
            /** @description Whether the model gains by it. */
            useful: boolean;
        };
        /** @description Bytes that are held. */
        Held: {
            /** Format: int64 */
            current: number;
            /** Format: int64 */
            peak: number;
        };
        /** @description A picture that a server keeps. */
        Image: {
            /** @description Its id: `img_` and 26 characters. */
            id: string;
            /** @description The job that it belongs to. */
            job: string;
            /**
             * Format: int32
             * @description Its place in the job, from 0.
             */
            index: number;
            /** @description Path of the PNG on the server. */
            url: string;
            /** @description Path of a small one. */
            thumb_url: string;
            /**
             * Format: uint64
             * @description Seed that draws it again.
             */
            seed: Seed;
            /**
             * Format: int32
             * @description Width in pixels.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels.
             */
            height: number;
            /** @description What it was drawn from. */
            prompt: string;
            /**
             * Format: int64
             * @description Size of the PNG.
             */
            bytes: number;
            /**
             * Format: double
             * @description When it was stored, in seconds since 1970.
             */
            created_at: number;
            /** @description Whether it stays until somebody deletes it, whatever its age and however little room is left. */
            kept: boolean;
            /** @description Whether whoever looks may delete it. */
            changeable: boolean;
        };
        /** @description A page of pictures, the newest first. */
        Images: {
            images: components["schemas"]["Image"][];
            /** @description What to ask for with `after`; null on the last page. */
            next: string | null;
        };
        /** @description The texts of a PNG. */
        InfoItems: {
            parameters: string;
        };
        /**
         * @description A picture that another begins with. The file has to be given again to draw the recipe again; the
         *     checksum says whether it is the same.
         */
        InputImage: {
            /** @description SHA-256 of the picture's file, in hexadecimal. */
            sha256: string;
            /** @description SHA-256 of the mask's file; `None` where everything is drawn anew. */
            mask_sha256?: string | null;
            /**
             * Format: double
             * @description How much the picture is changed, above 0 and up to 1; as exact as it was typed, since it decides a
             *     whole number of steps.
             */
            strength: number;
        };
        /** @description Pictures to begin with. */
        InputLimits: {
            image: boolean;
            mask: boolean;
            max_bytes: number;
        };
        /** @description A job. Times are seconds since 1970; what means nothing in its status is `null`. */
        Job: {
            /** @description Its id: `job_` and 26 characters. */
            id: string;
            /** @description Whether it came with the key (`X-Zao-Client`) that whoever looks has shown. */
            mine: boolean;
            /**
             * @description Whether whoever looks may cancel it and delete its pictures: it is theirs, or came without a key from where they are, or they run
             *     the server.
             */
            changeable: boolean;
            /** @description How far it has come. */
            status: components["schemas"]["JobStatus"];
            /**
             * Format: double
             * @description When it was accepted.
             */
            created_at: number;
            /**
             * Format: double
             * @description When a worker took it, for the last time if several did.
             */
            started_at: number | null;
            /**
             * Format: double
             * @description When it was over.
             */
            finished_at: number | null;
            /** @description What was asked for, as it was asked. */
            request: components["schemas"]["JobRequest"];
            /** @description The seed of each picture; integers that may exceed 2^53 where a client chose them. */
            seeds: Seed[];
            /**
             * Format: int32
             * @description Width of its pictures in pixels.
             */
            width: number;
            /**
             * Format: int32
             * @description Height of its pictures in pixels.
             */
            height: number;
            /**
             * Format: int32
             * @description Denoising steps of each picture.
             */
            steps: number;
            /**
             * Format: int64
             * @description Its place among those that wait; 1 is next.
             */
            queue_position: number | null;
            /**
             * Format: double
             * @description Seconds until it will probably be done.
             */
            eta_seconds: number | null;
            progress: components["schemas"]["Progress"] | null;
            /** @description The pictures that are there, in the order of their seeds. */
            images: components["schemas"]["Image"][];
            /**
             * Format: int32
             * @description How many pictures were there and were deleted since.
             */
            images_deleted: number;
            /**
             * Format: int64
             * @description The most of the device's memory that its worker held while a picture of it was drawn, in bytes, where that is known.
             */
            peak_memory_bytes: number | null;
            timing: components["schemas"]["JobTiming"] | null;
            /** @description What the client should know although the job goes on, one line each. */
            warnings: string[];
            error: components["schemas"]["ErrorBody"] | null;
            /** @description Where to look further. */
            links: components["schemas"]["JobLinks"];
        };
        /**
         * @description Something that happened to a job.
         *
         *     Its JSON is `{"event": name, "data": {"job": id, ...}}`: the two fields of a server-sent event, so that whoever sends or receives
         *     one takes this apart or puts it together.
         */
        JobEvent: {
            /** @description How the job stands; the first event of every stream. */
            data: {
                job: string;
                state: components["schemas"]["Job"];
            };
            /** @enum {string} */
            event: "snapshot";
        } | {
            /** @description The job waits at this place, 1 being next, and will probably be done in so many seconds. */
            data: {
                job: string;
                /** Format: int64 */
                position: number;
                /** Format: double */
                eta_seconds: number | null;
            };
            /** @enum {string} */
            event: "queued";
        } | {
            /** @description A worker took it. */
            data: {
                job: string;
                worker: string;
            };
            /** @enum {string} */
            event: "started";
        } | {
            /** @description The worker is busy with something else now. */
            data: {
                job: string;
                stage: components["schemas"]["Stage"];
            };
            /** @enum {string} */
            event: "stage";
        } | {
            /** @description A denoising step is done, of one picture or (`null`) of all. */
            data: {
                job: string;
                /** Format: int32 */
                step: number;
                /** Format: int32 */
                steps: number;
                /** Format: double */
                eta_seconds: number | null;
                /** Format: int32 */
                picture: number | null;
            };
            /** @enum {string} */
            event: "step";
        } | {
            /** @description What the picture at that place looks like so far, in Base64. */
            data: {
                job: string;
                /** Format: int32 */
                index: number;
                mime: string;
                b64: string;
                /** Format: int32 */
                width: number;
                /** Format: int32 */
                height: number;
            };
            /** @enum {string} */
            event: "preview";
        } | {
            /** @description A picture is done and stored. */
            data: {
                job: string;
                image: components["schemas"]["Image"];
            };
            /** @enum {string} */
            event: "image";
        } | {
            /** @description Something to know, although the job goes on. */
            data: {
                job: string;
                message: string;
            };
            /** @enum {string} */
            event: "warning";
        } | {
            /** @description The worker was replaced, the job waits again. */
            data: {
                job: string;
                reason: string;
            };
            /** @enum {string} */
            event: "requeued";
        } | {
            /** @description All pictures are there. The last event. */
            data: {
                job: string;
                state: components["schemas"]["Job"];
            };
            /** @enum {string} */
            event: "completed";
        } | {
            /** @description The job will not be drawn. The last event. */
            data: {
                job: string;
                state: components["schemas"]["Job"];
            };
            /** @enum {string} */
            event: "failed";
        } | {
            /** @description Nobody wants the job any more. The last event. */
            data: {
                job: string;
                state: components["schemas"]["Job"];
            };
            /** @enum {string} */
            event: "cancelled";
        };
        /** @description Paths on the server that say more about a job. */
        JobLinks: {
            /** @description The job itself. */
            self: string;
            /** @description Its events. */
            events: string;
        };
        /** @description A wish for pictures. Only `prompt` is needed; what is absent or null is left to the server. */
        JobRequest: {
            /** @description What the picture shows, in any language the model knows. */
            prompt: string;
            /** @description What the picture should not show; only heard when `guidance` is above 0. */
            negative_prompt?: string | null;
            /**
             * Format: int32
             * @description Width in pixels, a multiple of 16.
             */
            width?: number | null;
            /**
             * Format: int32
             * @description Height in pixels, a multiple of 16.
             */
            height?: number | null;
            quality?: components["schemas"]["Quality"] | null;
            /** @description A picture to begin with: a data URL (`data:image/png;base64,...`) or the id of a picture of this server. A data URL is shown again as `data:` alone. */
            image?: string | null;
            /** @description A mask likewise: white where that picture is drawn anew, black where it stays. */
            mask?: string | null;
            /**
             * Format: double
             * @description How much that picture is changed, above 0 and up to 1.
             */
            strength?: number | null;
            steps?: components["schemas"]["Steps"] | null;
            /**
             * Format: float
             * @description Classifier-free guidance in the convention of diffusers' Z-Image: 0 is off, and the usual
             *     "CFG scale" of other tools is this plus 1.
             */
            guidance?: number | null;
            /**
             * Format: float
             * @description Largest norm of the guided prediction, as a multiple of the unguided one's; 0 is off.
             */
            cfg_normalization?: number | null;
            /**
             * Format: float
             * @description Time, from 0 at the first step to 1 at the end, after which guidance is off; 1 is never.
             */
            cfg_truncation?: number | null;
            /**
             * Format: uint64
             * @description Seed of the first picture; the next ones count up from it. A number from 0 to 2^64 - 1, or its decimal digits as text for clients whose numbers end at 2^53.
             */
            seed?: Seed | null;
            /**
             * Format: int32
             * @description How many pictures.
             */
            count?: number | null;
            rng?: components["schemas"]["Rng"] | null;
            /** @description Adapters to follow, in order. */
            loras?: components["schemas"]["Lora"][] | null;
            priority?: components["schemas"]["Priority"] | null;
            /**
             * Format: int32
             * @description How many pictures of the way there each picture shows.
             */
            previews?: number | null;
            /**
             * Format: double
             * @description Seconds from its start after which the job is given up.
             */
            deadline_seconds?: number | null;
            /** @description Whether a smaller picture may be drawn where memory has no room for one as large as was asked for. */
            allow_downscale?: boolean | null;
            /** @description `false` keeps the recipe out of the PNG; the job has it as before. */
            metadata?: boolean | null;
        };
        /**
         * @description How far a job has come.
         * @enum {string}
         */
        JobStatus: "queued" | "running" | "completed" | "failed" | "cancelled";
        /** @description Where a job's time went. */
        JobTiming: {
            /**
             * Format: double
             * @description Seconds that it waited.
             */
            queue_seconds: number;
            /**
             * Format: double
             * @description Seconds that it was worked on, by the last worker if there were several.
             */
            inference_seconds: number;
            /**
             * Format: double
             * @description Seconds from being accepted to being over.
             */
            total_seconds: number;
        };
        /** @description A page of jobs, the newest first. */
        Jobs: {
            jobs: components["schemas"]["Job"][];
            /** @description What to ask for with `after`; null on the last page. */
            next: string | null;
        };
        /** @description Whether a picture stays. */
        Keep: {
            /** @description Whether it stays until somebody deletes it. */
            kept: boolean;
        };
        /**
         * @description A language that findings are explained in.
         * @enum {string}
         */
        Language: "en" | "zh";
        /** @description That the process answers. */
        Live: {
            /** @description `live`. */
            status: string;
        };
        /** @description An adapter to follow. */
        Lora: {
            /** @description Name in the folder of adapters, or the path of a file. */
            name: string;
            /**
             * Format: float
             * @description How much it counts; 1 is as it was trained.
             * @default 1
             */
            scale: number;
        };
        /** @description A LoRA. */
        LoraInfo: {
            name: string;
            alias: string;
            /** @description Its name once more. */
            path: string;
            metadata: components["schemas"]["Nothing"];
        };
        /** @description Main memory in bytes. */
        MainMemory: {
            /**
             * Format: int64
             * @description What is not `used`, by whomever.
             */
            free: number;
            /**
             * Format: int64
             * @description What the server and its workers hold.
             */
            used: number;
            /**
             * Format: int64
             * @description All of the machine's.
             */
            total: number;
        };
        /** @description How often memory was short. `/metrics` tells what was done about it. */
        MemoryEvents: {
            /**
             * Format: int64
             * @description Always 0: what did not fit is planned anew.
             */
            retries: number;
            /** Format: int64 */
            oom: number;
        };
        /** @description A model, by name and by content. */
        Model: {
            /** @description Name it is installed under. */
            name: string;
            /** @description Text that is equal for equal weights and differs for different ones. */
            fingerprint: string;
        };
        /** @description A model, as OpenAI has it. */
        ModelCard: {
            id: string;
            /** @description `model`. */
            object: string;
            /** Format: int64 */
            created: number;
            owned_by: string;
            /** @description Tells models of the same name apart by their content. */
            fingerprint: string;
        };
        /** @description The models of this server. */
        Models: {
            /** @description `list`. */
            object: string;
            data: components["schemas"]["ModelCard"][];
        };
        /** @description An object without fields. */
        Nothing: Record<string, never>;
        /** @description How busy the server is. */
        Outlook: {
            /**
             * Format: int64
             * @description Jobs that wait.
             */
            queued: number;
            /**
             * Format: int64
             * @description Jobs that are drawn.
             */
            running: number;
            /**
             * Format: double
             * @description Seconds until a job that came now would begin; `null` before the first picture was drawn.
             */
            eta_seconds: number | null;
            /**
             * Format: int64
             * @description Jobs that wait or are drawn and came with the key (`X-Zao-Client`) that whoever asks has sent; `null` without one.
             */
            mine: number | null;
        };
        /** @description The data of an event `image_generation.partial_image`. */
        PartialImage: {
            /** @description `image_generation.partial_image`. */
            type: string;
            /** @description A small picture of what is on its way. */
            b64_json: string;
            /**
             * Format: int32
             * @description Which one, from 0.
             */
            partial_image_index: number;
            /** @description `WIDTHxHEIGHT` of the picture that it becomes. */
            size: string;
            quality: string;
            background: string;
            /** @description `png`, `jpeg` or `webp`. */
            output_format: string;
            /**
             * Format: int64
             * @description Seconds since 1970.
             */
            created_at: number;
        };
        /** @description What a PNG tells. */
        PngInfo: {
            source: components["schemas"]["Source"] | null;
            recipe: components["schemas"]["Recipe"] | null;
            request: components["schemas"]["JobRequest"] | null;
            /** @description The same as text, as A1111 writes it. */
            parameters: string | null;
            size: components["schemas"]["Size"];
        };
        /** @description What a PNG tells. */
        PngText: {
            /** @description The text, or nothing. */
            info: string;
            items: components["schemas"]["InfoItems"];
            parameters: components["schemas"]["Nothing"];
        };
        /** @description A PNG. */
        PngToRead: {
            /** @description In Base64, with or without `data:image/png;base64,` before it. */
            image: string;
        };
        /** @description Pictures of the way there. */
        PreviewLimits: {
            /** Format: int32 */
            default: number;
            /** Format: int32 */
            max: number;
        };
        /**
         * @description Whose turn it is before others'. Ordered from low to high.
         * @enum {string}
         */
        Priority: "low" | "normal" | "high";
        /** @description How far a worker is with a job. */
        Progress: {
            /** @description What it is busy with. */
            stage: components["schemas"]["Stage"];
            /**
             * Format: int32
             * @description Denoising steps done.
             */
            step: number;
            /**
             * Format: int32
             * @description Denoising steps in all.
             */
            steps: number;
            /**
             * Format: double
             * @description How much of the whole job is done, from 0 to 1.
             */
            fraction: number;
        };
        /** @description What a prompt suggests. */
        PromptAdvice: {
            /**
             * Format: int32
             * @description In proportion to the model's own.
             */
            steps: number;
            quality: components["schemas"]["AdvisedTier"];
            /** @description The size that `quality` has of this model, at most what this server draws. */
            width: number;
            height: number;
            counts: components["schemas"]["PromptCounts"];
            reason: components["schemas"]["Reason"];
        };
        /** @description What a prompt speaks of. */
        PromptCounts: {
            /** @description Words; two Chinese characters are one. */
            words: number;
            /** @description Things and beings. */
            things: number;
            /** @description Where they are to each other, and what they do with each other. */
            relations: number;
            /** @description Texts to be drawn. */
            texts: number;
            /** @description Faces. */
            faces: number;
            /** @description Details. */
            details: number;
        };
        /** @description A [`Report`] as JSON has it. */
        PromptReport: {
            findings: components["schemas"]["Finding"][];
            /** @description Findings behind those that are told, if there are too many to tell all. */
            left_out?: number | null;
            fixed: string;
            tokens: components["schemas"]["PromptTokens"];
        };
        /** @description The parts of a prompt. An empty text is a part that is not there. */
        PromptSlots: {
            /**
             * @description Who or what.
             * @default
             */
            subject: string;
            /**
             * @description What the subject does, or how it is.
             * @default
             */
            action: string;
            /**
             * @description What else there is to see, in order.
             * @default []
             */
            details: string[];
            /**
             * @description Where and when.
             * @default
             */
            background: string;
            /**
             * @description How the picture is made.
             * @default
             */
            style: string;
        };
        /** @description A prompt and its slots. */
        PromptTemplate: {
            /** @description Empty where there is none, as all of them. */
            subject: string;
            action: string;
            details: string[];
            background: string;
            style: string;
            prompt: string;
            translation?: components["schemas"]["PromptSlots"] | null;
        };
        /** @description How long a prompt is. */
        PromptTokens: {
            /** @description Tokens that the text encoder would have to read. */
            count: number;
            /** @description How many it reads. */
            limit: number;
            /** @description Whether they are estimated, for want of the model's tokenizer. */
            estimated: boolean;
            /** @description Tokens of the prompt after all replacements. */
            fixed_count: number;
        };
        /**
         * @description How fine a picture is to be.
         * @enum {string}
         */
        Quality: "auto" | "draft" | "standard" | "high";
        /** @description How many jobs may wait. */
        QueueLimits: {
            max: number;
            max_per_client: number;
            /**
             * Format: int64
             * @description How long a job may wait; null for any time.
             */
            max_wait_seconds: number | null;
        };
        /** @description Whether a job that came now would be drawn. */
        Readiness: {
            status: components["schemas"]["ServerStatus"];
            /** @description Why not. */
            reason: string | null;
        };
        /** @description Why, in a sentence. */
        Reason: {
            en: string;
            zh: string;
        };
        /**
         * @description The complete description of one picture: the same recipe gives the same pixels, bit for bit, on
         *     the same device with the same version of zao.
         *
         *     Unknown fields are ignored on reading, so a later version may add what does not change the
         *     pixels of older recipes. What would change them needs a new [`RecipeFormat`], which older
         *     versions refuse. Floats must be finite; writing others is an error.
         */
        Recipe: {
            /**
             * Format: int32
             * @description Version of this format. It is written first, so that a recipe from the future is refused for
             *     its version and not for a field that has changed.
             */
            zao: number;
            /** @description Version of the zao that drew the picture, for example `0.1.0`. */
            zao_version: string;
            /** @description What the picture shows. */
            prompt: string;
            /** @description What it should not show; `None` and the empty text mean the same. */
            negative_prompt?: string | null;
            /** @description The model that drew it. */
            model: components["schemas"]["Model"];
            /**
             * Format: int32
             * @description Width in pixels.
             */
            width: number;
            /**
             * Format: int32
             * @description Height in pixels.
             */
            height: number;
            /**
             * Format: int32
             * @description Denoising steps.
             */
            steps: number;
            /**
             * Format: float
             * @description Classifier-free guidance in the convention of diffusers' Z-Image: 0 is off.
             */
            guidance: number;
            /**
             * Format: float
             * @description Largest norm of the guided prediction, as a multiple of the unguided one's; 0 is off.
             */
            cfg_normalization: number;
            /**
             * Format: float
             * @description Time, from 0 at the first step to 1 at the end, after which guidance is off; 1 is never.
             */
            cfg_truncation: number;
            /**
             * Format: uint64
             * @description Seed of the starting noise; a JSON integer that may exceed 2^53.
             */
            seed: Seed;
            /** @description Generator of the starting noise. */
            rng: components["schemas"]["Rng"];
            image?: components["schemas"]["InputImage"] | null;
            /**
             * Format: float
             * @description Static shift of the noise schedule.
             */
            shift: number;
            /** @description The adapters that it followed, in order. */
            loras?: components["schemas"]["UsedLora"][];
            /** @description Arithmetic the picture was drawn in. */
            precision: components["schemas"]["ResolvedPrecision"];
            /** @description Device that drew it, for example `cpu`. */
            device: string;
        };
        /**
         * @description The precision a picture was really drawn in; unlike [`Precision`] it cannot be `auto`.
         * @enum {string}
         */
        ResolvedPrecision: "f32" | "bf16" | "fp8" | "int8";
        /** @description How long, and how many bytes of pictures, are kept. */
        Retention: {
            /** Format: int64 */
            seconds: number;
            /** Format: int64 */
            bytes: number;
            /**
             * Format: int64
             * @description How many of them pictures may take that are kept for good.
             */
            kept_bytes: number;
        };
        /**
         * @description The random number generator of the starting noise.
         *
         *     With the same seed the two give different pictures.
         * @enum {string}
         */
        Rng: "torch-cpu" | "nv";
        /** @description A sampler. */
        Sampler: {
            name: string;
            aliases: string[];
            options: components["schemas"]["Nothing"];
        };
        /** @description A scheduler. */
        Scheduler: {
            name: string;
            label: string;
            aliases: string[] | null;
        };
        /** @description Memory of this machine and its cards. */
        SdMemory: {
            ram: components["schemas"]["MainMemory"];
            cuda: components["schemas"]["CudaMemory"];
        };
        /** @description Settings. */
        SdOptions: {
            sd_model_checkpoint: string;
            samples_format: string;
        };
        /** @description How far a job is. */
        SdProgress: {
            /**
             * Format: double
             * @description 0 to 1.
             */
            progress: number;
            /**
             * Format: double
             * @description Seconds until it will probably be done.
             */
            eta_relative: number;
            state: components["schemas"]["SdProgressState"];
            /** @description A small picture of what is on its way: a PNG in Base64; null before there is one. */
            current_image: string | null;
            /** @description What it is busy with, in a line. */
            textinfo: string | null;
        };
        /** @description Where in its steps a job is. */
        SdProgressState: {
            /** @description Id of the job, or nothing. */
            job: string;
            /**
             * Format: int64
             * @description Batches of its request.
             */
            job_count: number;
            /**
             * Format: int64
             * @description Which of them this is, from 0.
             */
            job_no: number;
            /** @description When it began, or was accepted: `YYYYMMDDhhmmss` in UTC; `0` without one. */
            job_timestamp: string;
            /** @description Always false: what is cancelled is told of no more. */
            interrupted: boolean;
            /** @description The same. */
            skipped: boolean;
            /** @description The same. */
            stopping_generation: boolean;
            /** Format: int32 */
            sampling_step: number;
            /** Format: int32 */
            sampling_steps: number;
        };
        /** @description An event of a stream: with `text/event-stream` a schema is that of one event, not of the stream. */
        SentEvent: {
            /** @description Of a job: a counter, for `Last-Event-ID`. */
            id?: string | null;
            /** @description What happened. */
            event: string;
            /** @description JSON, as the stream's description says. */
            data: string;
        };
        /**
         * @description How the server is.
         * @enum {string}
         */
        ServerStatus: "ready" | "loading" | "draining" | "unhealthy";
        /**
         * @description How much a finding matters.
         * @enum {string}
         */
        Severity: "warning" | "hint";
        /** @description Sides of a picture in pixels. */
        Size: {
            /** Format: int32 */
            width: number;
            /** Format: int32 */
            height: number;
        };
        /**
         * @description A program whose notes in PNGs are understood.
         * @enum {string}
         */
        Source: "zao" | "a1111" | "fooocus";
        /** @description Code points from 0, the end exclusive. */
        Span: {
            start: number;
            end: number;
        };
        /**
         * @description What a running job is busy with.
         * @enum {string}
         */
        Stage: "load" | "encode" | "text" | "denoise" | "decode";
        /** @description How many denoising steps; `auto` is what the prompt asks for. */
        Steps: number | "auto";
        /** @description Bytes as the driver sees them. */
        SystemMemory: {
            /** Format: int64 */
            free: number;
            /** Format: int64 */
            used: number;
            /** Format: int64 */
            total: number;
        };
        /** @description What a quality means here. */
        Tier: {
            name: components["schemas"]["TierName"];
            /** Format: int64 */
            pixels: number;
            /** Format: int32 */
            width: number;
            /** Format: int32 */
            height: number;
            /**
             * Format: double
             * @description How long such a picture takes; null until one was drawn.
             */
            seconds: number | null;
            /**
             * Format: int64
             * @description Bytes of the device's memory that such a picture takes alone, with the weights, as it is planned; null before the first
             *     worker is ready.
             */
            memory_bytes: number | null;
            /** @description Whether the server's limits allow it, and each worker that is ready has the memory for it. */
            fits: boolean;
        };
        /**
         * @description A quality that names a size.
         * @enum {string}
         */
        TierName: "draft" | "standard" | "high";
        /** @description A request in A1111's words. What is null is as if it were not there; fields that are not here are accepted and mean nothing. */
        Txt2Img: {
            /** @description What the picture shows. */
            prompt: string;
            negative_prompt?: string | null;
            /** Format: int32 */
            width?: number | null;
            /** Format: int32 */
            height?: number | null;
            steps?: components["schemas"]["Steps"] | null;
            /**
             * Format: float
             * @description 1 is off.
             */
            cfg_scale?: number | null;
            /**
             * Format: int64
             * @description -1 is any.
             */
            seed?: number | null;
            /** Format: int32 */
            batch_size?: number | null;
            /**
             * Format: int32
             * @description How many batches of `batch_size` pictures.
             */
            n_iter?: number | null;
            /** @description `Euler` is the one there is; others have no effect, and are named in `info`. */
            sampler_name?: string | null;
            /** @description The same by an older name. */
            sampler_index?: string | null;
            /** @description Likewise `Simple` or `Automatic`. */
            scheduler?: string | null;
            /** @description `false` leaves the pictures out of the answer. */
            send_images?: boolean | null;
            /** @description Ours: adapters to follow. */
            lora?: components["schemas"]["Lora"][] | null;
            /** @description Ours: whether the prompt decides the size where none is given. */
            auto_size?: boolean | null;
        };
        /** @description What was drawn. */
        Txt2ImgAnswer: {
            /** @description PNGs in Base64. */
            images: string[];
            /** @description The request. */
            parameters: Record<string, never>;
            /**
             * @description JSON as text: `prompt`, `all_prompts`, `negative_prompt`, `all_seeds`, `width`, `height`, `steps`, `cfg_scale`, `sampler_name`,
             *     `infotexts` and the like; ours are `ignored`, `warnings` and `job`.
             */
            info: string;
        };
        /** @description OpenAI's bill, of which only the counts mean something here: tokens of the prompt, and cells of pictures. */
        Usage: {
            /** Format: int64 */
            input_tokens: number;
            /** Format: int64 */
            output_tokens: number;
            /** Format: int64 */
            total_tokens: number;
            input_tokens_details: components["schemas"]["UsageDetails"];
        };
        /** @description What was read. */
        UsageDetails: {
            /** Format: int64 */
            text_tokens: number;
            /** Format: int64 */
            image_tokens: number;
        };
        /** @description An adapter that a picture followed. */
        UsedLora: {
            /** @description The name of its file. */
            name: string;
            /**
             * Format: float
             * @description How much it counted.
             */
            scale: number;
            /** @description SHA-256 of its file, in hexadecimal. */
            sha256: string;
            /** @description Whether it was merged into the weights beforehand, which rounds differently. */
            merged?: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
