//! What a prompt says, before a device works on it: what is wrong with it, which parts it has, how
//! much it asks for, and which prompts a pattern stands for.
//!
//! Nothing is read or written here but the tables that are compiled in, and no model is known:
//! whoever has a tokenizer hands over a function that counts.
